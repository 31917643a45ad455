// Drives ../../../clients/go: a command a line, `call|forget|refresh WORD`, and a result a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"cachesd"
)

type result struct {
	Word  string `json:"word"`
	Count int    `json:"count"`
}

var folder = os.Getenv("FOLDER")

func compute(word string) (any, error) {
	file, _ := os.OpenFile(folder+"/computed", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	fmt.Fprintln(file, word)
	file.Close()
	for strings.HasPrefix(word, "gate") {
		if _, err := os.Stat(folder + "/gate"); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if strings.HasPrefix(word, "throw") {
		return nil, errors.New(word)
	}
	if strings.HasPrefix(word, "null") {
		return nil, nil
	}
	all, _ := os.ReadFile(folder + "/computed")
	count := 0
	for _, line := range strings.Fields(string(all)) {
		if line == word {
			count++
		}
	}
	return result{word, count}, nil
}

func main() {
	client, err := cachesd.New(cachesd.Options{Timeout: 10 * time.Second})
	if err != nil {
		panic(err)
	}
	wait, _ := strconv.Atoi(os.Getenv("WAIT_MS"))
	ttl, _ := time.ParseDuration(os.Getenv("TTL"))
	ctx := context.Background()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		verb, word, _ := strings.Cut(lines.Text(), " ")
		memo := cachesd.Memo{Namespace: os.Getenv("NAMESPACE"), Key: "f:" + word, TTL: ttl, Wait: time.Duration(wait) * time.Millisecond}
		var found any
		var err error
		if verb != "call" {
			err = client.Forget(ctx, memo)
			found = err == nil
		}
		if verb != "forget" {
			found, err = cachesd.Cached(ctx, client, memo, func(context.Context) (any, error) { return compute(word) })
		}
		if err != nil && verb != "forget" {
			fmt.Println("threw", err)
			continue
		}
		text, _ := json.Marshal(found)
		fmt.Println(string(text))
	}
}
