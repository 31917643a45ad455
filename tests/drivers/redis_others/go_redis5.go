// Go-redis 5, which is the only one that Debian has: values, pipelines, transactions, scripts, scans.
// debian: golang-go golang-gopkg-redis.v5-dev
package main

import (
	"fmt"
	"os"
	"time"

	"gopkg.in/redis.v5"
)

func check(holds bool, what ...interface{}) {
	if !holds {
		fmt.Println("not so:", what)
		os.Exit(1)
	}
}

func main() {
	for _, db := range []int{0, 1} {
		c := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_HOST") + ":" + os.Getenv("REDIS_PORT"), DB: db})
		check(c.Set("s", "v", time.Minute).Err() == nil && c.Get("s").Val() == "v" && c.Get("none").Err() == redis.Nil, "Get")
		taken, err := c.SetNX("s", "w", time.Minute).Result()
		check(!taken && err == nil && c.TTL("s").Val() > 0, "SetNX", taken, err)
		check(c.HSet("h", "f", "v").Val() && c.HGetAll("h").Val()["f"] == "v", "HGetAll")
		check(c.ZAdd("z", redis.Z{Score: 1.5, Member: "m"}).Val() == 1 && c.ZRangeWithScores("z", 0, -1).Val()[0].Score == 1.5, "ZRange")
		cmds, err := c.TxPipelined(func(pipe *redis.Pipeline) error {
			pipe.Incr("n")
			pipe.Expire("n", time.Minute)
			return nil
		})
		check(err == nil && len(cmds) == 2 && c.Get("n").Val() == "1", "TxPipelined", err)
		add := redis.NewScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
		check(add.Run(c, []string{"n"}, 4).Val() == int64(5), "script")
		keys, _, err := c.Scan(0, "*", 100).Result()
		check(len(keys) == 4 && err == nil && c.Del("s", "h", "z", "n").Val() == 4, "Scan", keys, err)
		c.Close()
	}
}
