// Redigo: a pool, pipelines, transactions, scripts, scans, and each way to log in.
// debian: golang-go golang-github-gomodule-redigo-dev
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/gomodule/redigo/redis"
)

func check(holds bool, what ...interface{}) {
	if !holds {
		fmt.Println("not so:", what)
		os.Exit(1)
	}
}

func use(c redis.Conn) {
	defer c.Close()
	do := func(name string, words ...interface{}) interface{} {
		reply, err := c.Do(name, words...)
		check(err == nil, name, err)
		return reply
	}
	value, err := redis.String(do("SET", "s", "v", "EX", 60), nil)
	check(value == "OK" && err == nil, "SET")
	_, err = redis.String(c.Do("GET", "none"))
	check(err == redis.ErrNil, "GET")
	hash, _ := redis.StringMap(do("HGETALL", "none"), nil)
	check(do("HSET", "h", "f", "v").(int64) == 1 && len(hash) == 0, "HSET")
	for i := 0; i < 3; i++ {
		c.Send("INCR", "n")
	}
	c.Flush()
	for i := int64(1); i <= 3; i++ {
		n, err := redis.Int64(c.Receive())
		check(n == i && err == nil, "pipeline", n, err)
	}
	c.Send("MULTI")
	c.Send("INCR", "n")
	c.Send("EXPIRE", "n", 60)
	both, err := redis.Int64s(c.Do("EXEC"))
	check(err == nil && both[0] == 4 && both[1] == 1, "EXEC", both, err)
	add := redis.NewScript(1, "return redis.call('INCRBY', KEYS[1], ARGV[1])")
	sum, err := redis.Int(add.Do(c, "n", 5))
	check(sum == 9 && err == nil, "script", sum, err)
	found, err := redis.Values(do("SCAN", 0, "MATCH", "*", "COUNT", 100), nil)
	keys, _ := redis.Strings(found[1], nil)
	check(len(keys) == 3 && do("DEL", "s", "h", "n").(int64) == 3, "SCAN", keys)
}

func main() {
	web := []redis.DialOption{redis.DialUsername("web"), redis.DialPassword("right")}
	logins := [][]redis.DialOption{{}, web, {redis.DialClientName("app")}, {redis.DialDatabase(1)}}
	for _, login := range logins {
		pool := &redis.Pool{
			Dial:         func() (redis.Conn, error) { return redis.DialURL(os.Getenv("REDIS_URL"), login...) },
			TestOnBorrow: func(c redis.Conn, _ time.Time) error { _, err := c.Do("PING"); return err },
		}
		use(pool.Get())
		use(pool.Get())
		pool.Close()
	}
}
