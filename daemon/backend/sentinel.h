// Sentinel: the route to the one server of several that Redis Sentinel names as the master.
//
//   each sentinel ──link──► master_choice: another master? ──► node_move(): the connections to the
//                                                              old one are closed at once
//
// An old master goes on serving for seconds after another has been chosen, and whatever it is told
// then is lost. So it is left as soon as the first sentinel has changed its mind.
//
// Sentinels are asked every 10 s beside what they tell by themselves, every 250 ms while there is
// no master that serves, and at once when its connection is lost or it says that it is a replica.
// Whoever is connected to must say itself that it is a master (ROLE).
#pragma once

#include "daemon/backend/route.h"

extern const struct route route_sentinel;
