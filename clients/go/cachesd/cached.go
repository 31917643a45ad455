//go:build unix

package cachesd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Memo says where a result is kept.
type Memo struct {
	Namespace, Key string
	TTL            time.Duration // 0: as the namespace says
	Wait           time.Duration // for what another computes; 0: 10 s, and less than 0: not at all
	OnError        func(error)   // is told what the daemon refused, and that a result was not kept
}

// Cached returns what is kept in cachesd, or what compute returns: it is called once, whoever asks, in whatever process.
//
//	report, err := cachesd.Cached(ctx, client, cachesd.Memo{Namespace: "demo", Key: "report:7"},
//		func(ctx context.Context) (Report, error) { … })
//
// A caller that asks while another computes waits for that result. When the daemon is away or refuses, compute is simply
// called. Values are JSON; one that is null, as a nil pointer, is kept as a result too. An error is always compute's own.
func Cached[T any](ctx context.Context, c *Client, memo Memo, compute func(context.Context) (T, error)) (T, error) {
	var result T
	state, value, lease := c.memoGet(ctx, memo, 0)
	if state == "MISS" && lease == nil && memo.Wait >= 0 { // somebody else computes it
		state, value, lease = c.memoGet(ctx, memo, memo.wait())
	}
	if lease != nil {
		return computed(ctx, c, memo, *lease, compute)
	}
	if state == "NULL" {
		return result, nil
	}
	if value == nil {
		return compute(ctx)
	}
	if err := json.Unmarshal([]byte(*value), &result); err != nil { // perhaps another version of the program has written it
		memo.report(err)
		c.tell(ctx, memo, "del", memo.Namespace, memo.Key)
		return compute(ctx)
	}
	return result, nil
}

// Forget has the next call of Cached compute. While it returns an error, the old result may stay until it expires.
func (c *Client) Forget(ctx context.Context, memo Memo) error {
	_, err := c.Call(ctx, "del", memo.Namespace, memo.Key)
	return err
}

func (memo Memo) wait() time.Duration {
	if memo.Wait == 0 {
		return 10 * time.Second
	}
	return memo.Wait
}

func (memo Memo) report(err error) {
	if memo.OnError != nil {
		memo.OnError(err)
	}
}

// memoGet returns state, value and lease, and the state AWAY where the daemon does not answer.
func (c *Client) memoGet(ctx context.Context, memo Memo, wait time.Duration) (state string, value, lease *string) {
	words := []any{"memo.get", memo.Namespace, memo.Key}
	if wait > 0 {
		words = []any{"memo.get", fmt.Sprintf("wait=%dms", wait.Milliseconds()+1), memo.Namespace, memo.Key}
	}
	reply, err := c.CallWithin(ctx, c.options.Timeout+wait, words...)
	if err != nil {
		memo.report(err)
	}
	items, _ := reply.([]any)
	if len(items) != 3 {
		return "AWAY", nil, nil
	}
	state, _ = items[0].(string)
	return state, text(items[1]), text(items[2])
}

func text(reply any) *string {
	if value, ok := reply.(string); ok {
		return &value
	}
	return nil
}

func computed[T any](ctx context.Context, c *Client, memo Memo, lease string, compute func(context.Context) (T, error)) (T, error) {
	isHeld := true
	defer func() { // also when compute panics
		if isHeld {
			c.tell(ctx, memo, "memo.drop", memo.Namespace, memo.Key, lease)
		}
	}()
	result, err := compute(ctx)
	if err != nil {
		return result, err
	}
	value, err := json.Marshal(result)
	if err != nil {
		memo.report(err)
		return result, nil
	}
	isHeld = false
	if string(value) == "null" {
		c.tell(ctx, memo, "memo.null", memo.Namespace, memo.Key, lease)
	} else if memo.TTL > 0 {
		c.tell(ctx, memo, "memo.put", fmt.Sprintf("ttl=%dms", memo.TTL.Milliseconds()), memo.Namespace, memo.Key, lease, value)
	} else {
		c.tell(ctx, memo, "memo.put", memo.Namespace, memo.Key, lease, value)
	}
	return result, nil
}

// unending is a context that lives on when its caller has gone: a lease is given back, a result stored, all the same.
type unending struct{ context.Context }

func (unending) Deadline() (time.Time, bool) { return time.Time{}, false }
func (unending) Done() <-chan struct{}       { return nil }
func (unending) Err() error                  { return nil }

func (c *Client) tell(ctx context.Context, memo Memo, words ...any) {
	if _, err := c.Call(unending{ctx}, words...); err != nil {
		memo.report(err)
	}
}
