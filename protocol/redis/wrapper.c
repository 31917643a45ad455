#include "protocol/redis/wrapper.h"

#include <inttypes.h>

#include "protocol/number.h"

// The commands that scripts may use, with the code that wrapper.lua knows each by. What is not here
// is refused inside scripts: whatever is not about keys of a namespace, waits, or tells of the
// server.
static const struct {
    char code;
    const char *names;
} groups[] = {
    // Read one key.
    {'1', "get strlen getrange substr getbit bitcount bitpos bitfield_ro type hget hmget "
          "hgetall hkeys hvals hlen hexists hstrlen hrandfield hscan scard sismember "
          "smismember smembers srandmember sscan zcard zcount zlexcount zscore zmscore "
          "zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex "
          "zrevrangebylex zrandmember zscan geodist geohash geopos geosearch georadius_ro "
          "georadiusbymember_ro lindex llen lpos lrange"},
    // Read a key's ttl.
    {'5', "ttl pttl expiretime pexpiretime"},
    // Write one key, and store nothing.
    {'2', "getdel hdel srem spop zrem zpopmin zpopmax zremrangebyrank zremrangebyscore "
          "zremrangebylex lpop rpop lrem ltrim"},
    // Write one key, and store.
    {'3', "setnx getset append incr incrby incrbyfloat decr decrby bitfield pfadd hset "
          "hmset hsetnx hincrby hincrbyfloat sadd zadd zincrby geoadd lpush rpush lpushx "
          "rpushx linsert lset"},
    // Any number of keys, and nothing is stored.
    {'4', "del unlink exists touch mget sinter sunion sdiff pfcount"},
    // With a syntax or a ttl of their own.
    {'6', "set"},
    {'7', "expire"},
    {'8', "pexpire"},
    {'x', "setex psetex"},
    {'a', "expireat pexpireat"},
    {'p', "persist"},
    {'g', "getex"},
    // Several keys.
    {'s', "sinterstore sunionstore sdiffstore pfmerge"},
    {'m', "mset msetnx"},
    {'l', "lcs"},
    {'o', "lmove rpoplpush smove"},
    {'r', "rename renamenx copy"},
    {'d', "zrangestore geosearchstore"},
    {'n', "zunion zinter zdiff zintercard sintercard"},
    {'N', "lmpop zmpop"},
    {'z', "zunionstore zinterstore zdiffstore"},
    {'b', "bitop"},
    {'j', "object"},
    {'y', "setrange setbit"},
    {'t', "sort sort_ro"},
    {'e', "georadius georadiusbymember"},
    {'k', "keys"},
    {'c', "scan"},
    {'q', "ping echo time"},
};

enum {
    GROUPS = sizeof(groups) / sizeof(*groups),
    LONGEST_NAME = 24,
    LOOKED_AT = 16384, // bytes of a script in which commands are looked for
    KNOWN_MOST = 24,
};

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Returns the length of the word at the beginning of the text.
static size_t word_len(struct slice text) {
    size_t len = 0;
    while (len < text.len && is_word(text.data[len]))
        len++;
    return len;
}

static bool holds(struct slice text, const char *part) {
    return text.len > 0 && memmem(text.data, text.len, part, strlen(part));
}

// Returns whether the text has the name as a word of its own, not as a part of another.
static bool holds_name(struct slice text, const char *name) {
    size_t len = strlen(name);
    for (size_t at = 0; text.len - at >= len; at++) {
        const char *found = memmem(text.data + at, text.len - at, name, len);
        if (!found)
            return false;
        at = (size_t)(found - text.data);
        bool begins = at == 0 || !is_word(text.data[at - 1]);
        if (begins && (at + len == text.len || !is_word(text.data[at + len])))
            return true;
    }
    return false;
}

// --- values in Lua ----------------------------------------------------------------------------

// Appends text as a string of Lua's, without quotes and in one line.
static void append_escaped(struct bytes *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < ' ' || c >= 127 || c == '"' || c == '\\')
            bytes_printf(out, "\\%03u", c);
        else
            bytes_append(out, &c, 1);
    }
}

static void append_string(struct bytes *out, struct slice text) {
    bytes_append_literal(out, "\"");
    append_escaped(out, text);
    bytes_append_literal(out, "\"");
}

// Appends the prefix as a pattern of SCAN's that matches nothing else.
static void append_glob(struct bytes *out, struct slice prefix) {
    struct bytes glob = {0};
    for (size_t i = 0; i < prefix.len; i++) {
        if (strchr("*?[]^\\", prefix.data[i]) && prefix.data[i])
            bytes_append_literal(&glob, "\\");
        bytes_append(&glob, &prefix.data[i], 1);
    }
    append_string(out, bytes_slice(&glob));
    bytes_deinit(&glob);
}

static void append_ms(struct bytes *out, int64_t ms, const char *forever) {
    if (ms == DURATION_FOREVER)
        bytes_printf(out, "%s", forever);
    else
        bytes_printf(out, "%" PRId64, ms);
}

static void append_ttl(struct bytes *out, const struct wrapper_terms *terms) {
    if (terms->brings_ttl)
        bytes_append_literal(out, "ttl");
    else
        append_ms(out, terms->ttl_ms, "nil");
}

static void append_reject(struct bytes *out, const struct wrapper_terms *terms) {
    if (!terms->rejects_ttl) {
        bytes_append_literal(out, "nil");
        return;
    }
    struct bytes text = {0};
    bytes_printf(&text, "POLICY ttl is too long: max_ttl of namespace '%.*s' is ",
                 (int)terms->name.len, terms->name.data);
    number_append_duration(&text, terms->max_ttl_ms);
    append_string(out, bytes_slice(&text));
    bytes_deinit(&text);
}

static void append_codes(struct bytes *out, const struct wrapper_terms *terms) {
    bytes_append_literal(out, " ");
    for (size_t i = 0; i < GROUPS; i++) {
        struct slice rest = slice_of(groups[i].names);
        for (size_t len; (len = word_len(rest)) > 0;) {
            if (terms->allows(terms->owner, (struct slice){rest.data, len}))
                bytes_printf(out, "%.*s=%c ", (int)len, rest.data, groups[i].code);
            len += len < rest.len; // the space
            rest = (struct slice){rest.data + len, rest.len - len};
        }
    }
}

static void append_foreign(struct bytes *out, const struct wrapper_terms *terms) {
    bytes_printf(out, "\"is not one of namespace '%.*s', whose keys begin with '",
                 (int)terms->name.len, terms->name.data);
    append_escaped(out, terms->prefix);
    bytes_append_literal(out, "'\"");
}

static void append_about(struct bytes *out, const char *before, struct slice name,
                         const char *behind) {
    bytes_printf(out, "\"%s'%.*s'%s\"", before, (int)name.len, name.data, behind);
}

// --- the wrapper ------------------------------------------------------------------------------

// Appends the value that a word of wrapper.lua stands for. Returns false for any other word.
static bool append_value(struct wrapper *wrapper, const struct wrapper_terms *terms,
                         struct slice word) {
    struct bytes *out = &wrapper->text;
    if (slice_equal(word, SLICE("PREFIX")))
        append_string(out, terms->prefix);
    else if (slice_equal(word, SLICE("SIZE")))
        bytes_printf(out, "%zu", terms->prefix.len);
    else if (slice_equal(word, SLICE("BOUND")))
        bytes_printf(out, "%s", terms->is_bound ? "true" : "false");
    else if (slice_equal(word, SLICE("GLOB")))
        append_glob(out, terms->prefix);
    else if (slice_equal(word, SLICE("TTL")))
        append_ttl(out, terms);
    else if (slice_equal(word, SLICE("MOST")))
        append_ms(out, terms->max_ttl_ms, "math.huge");
    else if (slice_equal(word, SLICE("REJECT")))
        append_reject(out, terms);
    else if (slice_equal(word, SLICE("MAX_KEY")))
        bytes_printf(out, "%" PRId64, terms->max_key);
    else if (slice_equal(word, SLICE("MAX_VALUE")))
        bytes_printf(out, "%" PRId64, terms->max_value);
    else if (slice_equal(word, SLICE("CODES")))
        append_string(out, bytes_slice(&wrapper->codes));
    else if (slice_equal(word, SLICE("FOREIGN")))
        append_foreign(out, terms);
    else if (slice_equal(word, SLICE("REFUSED")))
        append_about(out, "is not allowed in scripts of namespace ", terms->name, "");
    else if (slice_equal(word, SLICE("TOO_LONG")))
        append_about(out, " of namespace ", terms->name, " is ");
    else if (slice_equal(word, SLICE("NO_TEXT")))
        append_string(out,
                      SLICE("ERR Lua redis lib command arguments must be strings or integers"));
    else
        return false;
    return true;
}

void wrapper_init(struct wrapper *wrapper, const struct wrapper_terms *terms) {
    *wrapper = (struct wrapper){.brings_ttl = terms->brings_ttl};
    append_codes(&wrapper->codes, terms);
    for (size_t at = 0; at < wrapper_text_len;) {
        size_t len = word_len((struct slice){wrapper_text + at, wrapper_text_len - at});
        struct slice word = {wrapper_text + at, len > 0 ? len : 1};
        if (!append_value(wrapper, terms, word))
            bytes_append_slice(&wrapper->text, word);
        at += word.len;
    }
}

void wrapper_deinit(struct wrapper *wrapper) {
    bytes_deinit(&wrapper->text);
    bytes_deinit(&wrapper->codes);
}

// --- scripts ----------------------------------------------------------------------------------

// Returns the code of an allowed command, whatever the case of its name; an empty slice for any
// other word.
static struct slice code_of(const struct wrapper *wrapper, struct slice name) {
    char entry[LONGEST_NAME + 2] = " ";
    if (name.len == 0 || name.len > LONGEST_NAME)
        return (struct slice){0};
    for (size_t i = 0; i < name.len; i++)
        entry[1 + i] = slice_lower(name.data[i]);
    entry[1 + name.len] = '=';
    const char *at = memmem(wrapper->codes.data, wrapper->codes.len, entry, name.len + 2);
    return at ? (struct slice){at + name.len + 2, 1} : (struct slice){0};
}

static bool is_quote(char c) { return c == '"' || c == '\''; }

// Appends the codes of the commands that the script mentions, so that a run need not search for
// them. A script may use others, too.
static void append_known(const struct wrapper *wrapper, struct bytes *out, struct slice script) {
    struct slice known[KNOWN_MOST];
    size_t count = 0, end = script.len < LOOKED_AT ? script.len : LOOKED_AT;
    bytes_append_literal(out, "local KNOWN={");
    for (size_t at = 1, i; at < end && count < KNOWN_MOST; at++) {
        if (!is_quote(script.data[at - 1]))
            continue;
        struct slice word = {script.data + at, 0};
        word.len = word_len((struct slice){word.data, script.len - at});
        struct slice code = code_of(wrapper, word);
        for (i = 0; i < count && !slice_equal(known[i], word); i++)
            ;
        if (code.len == 0 || i < count)
            continue;
        known[count++] = word;
        const char *quote = *code.data > '9' ? "\"" : "";
        bytes_printf(out, "%.*s=%s%c%s,", (int)word.len, word.data, quote, *code.data, quote);
    }
    bytes_append_literal(out, "} ");
}

// Appends stand-ins for the globals that would outlive the run or lead around the wrapper. A script
// cannot reach a global that it does not name, since _G is not there; so most need none of these.
static void append_stand_ins(struct bytes *out, struct slice script) {
    bytes_append_literal(out,
                         "local redis,server,_G,load,loadstring,loadfile,dofile,getfenv,setfenv,"
                         "newproxy,debug,collectgarbage=redis ");
    if (holds(script, "getmetatable")) // that of all strings is shared by all scripts
        bytes_append_literal(out,
                             "local getmetatable=getmetatable do local get,type=getmetatable,type "
                             "getmetatable=function(x) if type(x)=='table' then return get(x) end "
                             "end end ");
    if (holds_name(script, "error")) // of an error without a text Redis 7.0 dies
        bytes_append_literal(
            out, "local error=error do local raise,type,rawget,rawset=error,type,rawget,rawset "
                 "error=function(x,level) if type(x)=='table' and type(rawget(x,'err'))~='string' "
                 "then rawset(x,'err','ERR the error is a table without err') end "
                 "raise(x,level==0 and 0 or (level or 1)+1) end end ");
    if (!holds(script, "cjson"))
        return;
    // The settings of the shared cjson are for all scripts: a script that changes some gets its
    // own.
    bool changes = holds(script, "_array") || holds(script, "_depth") ||
                   holds(script, "_numbers") || holds(script, "_precision") ||
                   holds(script, "_buffer");
    if (changes)
        bytes_append_literal(out, "local cjson=cjson.new() ");
    else
        bytes_append_literal(
            out, "local cjson={encode=cjson.encode,decode=cjson.decode,null=cjson.null} ");
}

// Moves the line "#!lua ..." at the beginning, which must stay the first, from the script to `out`.
// Returns false when that is the whole script.
static bool move_shebang(struct bytes *out, struct slice *script) {
    if (!slice_begins(*script, SLICE("#!")))
        return true;
    const char *end = memchr(script->data, '\n', script->len);
    size_t len = end ? (size_t)(end - script->data) + 1 : script->len;
    bytes_append(out, script->data, len);
    *script = (struct slice){script->data + len, script->len - len};
    return end != NULL;
}

void wrapper_append(const struct wrapper *wrapper, struct bytes *out, struct slice script) {
    bool has_code = move_shebang(out, &script);
    if (!has_code)
        return;
    append_stand_ins(out, script);
    bytes_append_literal(out, "do ");
    append_known(wrapper, out, script);
    if (wrapper->brings_ttl)
        bytes_append_literal(out, "local ttl=ARGV[#ARGV] ARGV[#ARGV]=nil ");
    bytes_append_slice(out, bytes_slice(&wrapper->text));
    bytes_append_literal(out, " end ");
    bytes_append_slice(out, script);
}
