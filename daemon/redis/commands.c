#include "daemon/redis/commands.h"

#include "daemon/redis/multi.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/scripts.h"
#include "protocol/redis/table.h"

struct redis_table *commands_new(struct verb_table *verbs) {
    struct redis_table *table = redis_table_new(verbs);
#define X(group) redis_table_add(table, verbs, own_##group);
    OWN_GROUPS(X)
#undef X
    redis_table_add(table, verbs, scripts_rows);
    scripts_start();
    redis_table_add(table, verbs, multi_rows);
    return table;
}

void commands_free(struct redis_table *table) {
    scripts_end();
    redis_table_free(table);
}
