// Hiredis: blocking, appended and without waiting for a reply.
// debian: libhiredis-dev
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static redisContext *redis;

static void expect(redisReply *reply, int type, const char *text) {
    assert(reply && reply->type == type);
    assert(!text || !strcmp(reply->str, text));
    freeReplyObject(reply);
}

int main(void) {
    redis = redisConnect(getenv("REDIS_HOST"), atoi(getenv("REDIS_PORT")));
    assert(redis && !redis->err);
    expect(redisCommand(redis, "AUTH %s %s", "web", "right"), REDIS_REPLY_STATUS, "OK");
    expect(redisCommand(redis, "SET k %b EX 60", "a\r\nb", (size_t)4), REDIS_REPLY_STATUS, "OK");
    expect(redisCommand(redis, "GET k"), REDIS_REPLY_STRING, "a\r\nb");
    expect(redisCommand(redis, "GET none"), REDIS_REPLY_NIL, NULL);
    for (int i = 0; i < 1000; i++)
        redisAppendCommand(redis, "INCR n");
    for (long long i = 1; i <= 1000; i++) {
        redisReply *reply = NULL;
        assert(redisGetReply(redis, (void **)&reply) == REDIS_OK && reply->integer == i);
        freeReplyObject(reply);
    }
    expect(redisCommand(redis, "HSET h f v"), REDIS_REPLY_INTEGER, NULL);
    redisReply *all = redisCommand(redis, "HGETALL h");
    assert(all->type == REDIS_REPLY_ARRAY && all->elements == 2);
    freeReplyObject(all);
    redisFree(redis);
}
