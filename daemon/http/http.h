// HTTP: metrics, health, status and the page, read-only, for those who look after the daemon.
//
//   main.c ──► struct http, an annex of the process (annex.h)
//     └─ owns the desk, and a server for each address of [http]
//
// Nothing of HTTP runs on a worker's loop but the gathering of facts (facts.h). While [http] names
// no address there is no thread, no socket, and no timer.
#pragma once

#include "conf/settings.h"
#include "daemon/annex.h"
#include "daemon/http/desk.h"
#include "daemon/http/sampler.h"
#include "daemon/http/server.h"

struct servers {
    struct server **items;
    size_t count;
};

struct http {
    struct annex annex; // the first member
    struct desk desk;
    struct servers servers;    // in force
    struct servers next;       // prepared: some of these are in force already
    struct settings *prepared; // a reference
    struct sampler sampler;
    uv_timer_t second;
    bool has_timer;
};

struct http *http_new(void);
// To be called when the daemon has ended.
void http_free(struct http *http);
