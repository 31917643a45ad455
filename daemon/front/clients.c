#include "daemon/front/clients.h"

#include <poll.h>

#include "conf/settings.h"
#include "daemon/front/section.h"
#include "daemon/loop/gone.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stats.h"
#include "daemon/request/context.h"
#include "daemon/request/session.h"

enum {
    PROBE_ENDED_S = 5,
    AT_ONCE = 256,     // clients looked at in one call
    NEWCOMER_MS = 500, // the longest time for a first request
};

void __attribute__((noinline)) clients_take_turns(struct clients *all) {
    struct client *due = all->turns_due;
    due->before_due = &due; // each client takes itself off the list
    all->turns_due = NULL;
    while (due)
        client_take_turn(due);
}

// --- clients that have gone -------------------------------------------------------------------

// A peer that has ended its own side over TCP is probed more often from then on.
static void look_closer(struct client *c, short events) {
    if (events & (POLLHUP | POLLERR)) {
        session_tell(&c->session, LOG_CLIENT_GONE);
        client_close(c, CLOSED_GONE);
    } else if (events & POLLRDHUP && !c->session.is_half_closed) {
        c->session.is_half_closed = true;
        gone_probe(&c->stream, PROBE_ENDED_S);
    }
}

static void look_at(struct client *const *clients, struct pollfd *fds, nfds_t count) {
    if (count == 0 || poll(fds, count, 0) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents)
            look_closer(clients[i], fds[i].revents);
}

static void close_gone(struct clients *all) {
    struct client *clients[AT_ONCE];
    struct pollfd fds[AT_ONCE];
    nfds_t count = 0;
    for (struct client *c = all->first; c; c = c->next) {
        struct pollfd fd = {.events = POLLRDHUP};
        if (c->stream.is_reading || c->state == CLIENT_CLOSED ||
            uv_fileno(&c->stream.uv.handle, &fd.fd) != 0)
            continue;
        clients[count] = c;
        fds[count++] = fd;
        if (count == AT_ONCE) {
            look_at(clients, fds, count);
            count = 0;
        }
    }
    look_at(clients, fds, count);
}

// --- all --------------------------------------------------------------------------------------

void clients_sweep(struct clients *all, uint64_t now_ms) {
    for (struct client *c = all->first, *next; c; c = next) {
        next = c->next;
        client_sweep(c, now_ms);
    }
    close_gone(all);
}

void clients_renew(struct clients *all) {
    const struct settings *settings = all->context->policy->settings;
    for (struct client *c = all->first; c; c = c->next) {
        identity_identify(&c->session.identity, settings);
        client_set_limits(c);
        if (!section_find(&c->session))
            client_end(c, CLOSED_RELOAD);
    }
}

bool clients_kill(struct clients *all, uint64_t id) {
    struct client *c = all->first;
    while (c && (c->session.id != id || c->state == CLIENT_CLOSED))
        c = c->next;
    if (!c)
        return false;
    session_tell(&c->session, LOG_CLIENT_KILLED);
    client_close(c, CLOSED_KILLED);
    return true;
}

static bool is_newcomer(const struct client *c) {
    return (c->state == CLIENT_OPEN || c->state == CLIENT_SHAKING) && c->session.requests == 0 &&
           loop_now(&c->session.context->loop) - c->connected_ms < NEWCOMER_MS;
}

bool clients_have_newcomers(const struct clients *all) {
    for (const struct client *c = all->first; c; c = c->next)
        if (is_newcomer(c))
            return true;
    return false;
}

void clients_drain(struct clients *all) {
    for (struct client *c = all->first; c; c = c->next)
        client_drain(c);
}

void clients_close(struct clients *all) {
    for (struct client *c = all->first; c; c = c->next)
        client_close(c, CLOSED_DRAIN);
}
