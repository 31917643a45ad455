// Settings verb: each option of the configuration in force, with its value.
#pragma once

struct call;
struct request;

// Replies a line of name=value pairs for each option that the client may see: all, those of a kind
// of section, or those that the call's word names.
void settings_verb_run(struct request *r, const struct call *call);
