// Lists have no verbs of their own: Redis's commands reach them, where a listener speaks those.
#include "protocol/verb.h"

const struct verb list_verbs[] = {
    {0},
};
