// Sentinel link: hears from one sentinel who the master is.
//
//   dial ─► AUTH, CLIENT SETNAME, ┌ UNSUBSCRIBE                     ┐
//                                 │ SENTINEL GET-MASTER-ADDR-BY-NAME│ ─► subscribed: news come by
//                                 └ SUBSCRIBE +switch-master        ┘    themselves
//                                              ▲                              │ sentinel_link_ask()
//                                              └──────────────────────────────┘
//
// A connection that is subscribed can't ask (redis.io, "SUBSCRIBE"); so it is unsubscribed, asks
// and is subscribed again in one write. No switch is missed between: the answer would tell of it.
//
// A link that is lost is made again by itself. The sentinel's name is looked up anew each time.
#pragma once

#include "conf/sections.h"
#include "conf/url.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"

struct sentinel_link;
struct tls_client;

struct sentinel_link_owner {
    // The sentinel names the master; an empty host: it knows none of that name. `is_switch`: it
    // tells of a switch of its own accord. The link may not be freed in here.
    void (*on_word)(void *owner, struct sentinel_link *link, struct slice host, int port,
                    bool is_switch);
    void (*on_lost)(void *owner, struct sentinel_link *link);
    void *owner;
};

// Begins to connect to the sentinel of that number in the URL. `tls`: as in struct endpoint. `conf`
// and `tls` must outlive the link.
struct sentinel_link *sentinel_link_new(struct loop *loop, const struct backend_conf *conf,
                                        size_t number, struct tls_client *const *tls,
                                        struct sentinel_link_owner owner);

// Closes the connection; the memory is freed when the loop has closed its handles.
void sentinel_link_free(struct sentinel_link *link);

size_t sentinel_link_number(const struct sentinel_link *link);

// Returns whether the sentinel has answered on this connection.
bool sentinel_link_is_live(const struct sentinel_link *link);

// Returns why the link was lost last; "" while its sentinel answers, or nothing is known yet.
const char *sentinel_link_trouble(const struct sentinel_link *link);

// Asks who the master is, unless that is being asked, or there is no connection.
void sentinel_link_ask(struct sentinel_link *link);
