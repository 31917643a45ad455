// Drives ../../../clients/go: see talk.md.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"cachesd"
)

func shown(reply any) string {
	switch reply := reply.(type) {
	case nil:
		return "nil"
	case int64:
		return fmt.Sprintf(":%d", reply)
	case string:
		return "$" + hex.EncodeToString([]byte(reply))
	}
	var items []string
	for _, item := range reply.([]any) {
		items = append(items, shown(item))
	}
	return "[" + strings.Join(items, " ") + "]"
}

var client *cachesd.Client

func answer(verb string, words []any) (string, error) {
	if verb == "call" {
		reply, err := client.Call(context.Background(), words...)
		if err != nil {
			return "", err
		}
		return shown(reply), nil
	}
	if client != nil {
		client.Close()
	}
	timeout, _ := strconv.Atoi(words[1].(string))
	var err error
	client, err = cachesd.New(cachesd.Options{
		Address: words[0].(string), User: words[2].(string), Token: words[3].(string), Timeout: time.Duration(timeout) * time.Millisecond,
	})
	return "opened", err
}

func main() {
	reader := bufio.NewReader(os.Stdin)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		parts := strings.Fields(line)
		words := []any{}
		for _, part := range parts[1:] {
			word, _ := hex.DecodeString(strings.Trim(part, "."))
			words = append(words, string(word))
		}
		text, err := answer(parts[0], words)
		var failed *cachesd.Error
		switch {
		case errors.As(err, &failed) && failed.PerhapsApplied():
			fmt.Printf("-%s %s (perhaps)\n", failed.Code, failed.Text)
		case errors.As(err, &failed):
			fmt.Printf("-%s %s (no)\n", failed.Code, failed.Text)
		case err != nil:
			fmt.Printf("-WRONG %v\n", err)
		default:
			fmt.Println(text)
		}
	}
}
