//go:build unix

// Package cachesd is a client of cachesd, with nothing but Go's standard library (Go 1.19 or newer).
//
//	client, err := cachesd.New(cachesd.Options{})
//	reply, err := client.Call(ctx, "key.set", "ttl=90s", "demo", "greeting", "hello")
//	reply, err = client.Call(ctx, "key.get", "demo", "greeting") // "hello", nil
//
// Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing is
// ever quoted.
package cachesd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	longestLine = 65536   // bytes of a reply's line
	deepest     = 8       // arrays within arrays
	largest     = 1 << 30 // bytes of a value, or items of an array
)

// Error is what a request failed of. Code is the daemon's own word (WRONGTYPE, POLICY, …), or that of the client itself:
// UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in time, or the context has ended), LOST (the connection
// broke before the answer).
type Error struct {
	Code, Text string
	Err        error // the cause, if it was none of the daemon's
}

func (e *Error) Error() string { return "cachesd: " + e.Code + " " + e.Text }
func (e *Error) Unwrap() error { return e.Err }

// PerhapsApplied tells whether a write may have been applied all the same; else it was not.
func (e *Error) PerhapsApplied() bool {
	return e.Code == "TIMEOUT" || e.Code == "LOST" || e.Code == "INTERNAL"
}

// Options say where the daemon is, and who asks. Their zero values are good.
type Options struct {
	Address     string        // the path of a socket, HOST:PORT or [IPV6]:PORT; else $CACHESD_ADDRESS, else where a daemon usually is
	User, Token string        // else $CACHESD_USER and $CACHESD_TOKEN
	Timeout     time.Duration // to connect and for the answer, 5 s by default; a context may end sooner
	MaxIdle     int           // connections that are kept while nobody uses them, 8 by default
}

// String tells the options without the token, which logs would keep.
func (o Options) String() string {
	return fmt.Sprintf("{Address:%s User:%s Timeout:%s MaxIdle:%d}", o.Address, o.User, o.Timeout, o.MaxIdle)
}

// Client may be used by many goroutines at once: each request has a connection for itself, and connections are kept for the next.
type Client struct {
	options Options
	mutex   sync.Mutex
	idle    []*connection // the one that was used last is last
	closed  bool
}

// New makes a client. It connects when it is first used.
func New(options Options) (*Client, error) {
	options.Address = or(options.Address, "CACHESD_ADDRESS")
	options.User, options.Token = or(options.User, "CACHESD_USER"), or(options.Token, "CACHESD_TOKEN")
	if options.Token != "" && options.User == "" {
		return nil, errors.New("cachesd: a token needs a user: the option User, or CACHESD_USER")
	}
	if options.Address != "" && !isAddress(options.Address) {
		return nil, fmt.Errorf("cachesd: address %s: a path, HOST:PORT or [IPV6]:PORT was expected", options.Address)
	}
	if options.Timeout == 0 {
		options.Timeout = 5 * time.Second
	}
	if options.MaxIdle == 0 {
		options.MaxIdle = 8
	}
	return &Client{options: options}, nil
}

func or(value, name string) string {
	if value != "" {
		return value
	}
	return os.Getenv(name)
}

// String tells the client's options without the token.
func (c *Client) String() string { return "cachesd.Client" + c.options.String() }

// Call returns the reply: a string, an int64, nil, or a []any of these. A word is a string, a []byte, or anything else that
// fmt.Sprint writes. An error is an *Error.
func (c *Client) Call(ctx context.Context, words ...any) (any, error) {
	return c.CallWithin(ctx, c.options.Timeout, words...)
}

// CallWithin is Call for a request that may take so long, as memo.get with wait= does.
func (c *Client) CallWithin(ctx context.Context, timeout time.Duration, words ...any) (any, error) {
	if len(words) == 0 {
		return nil, errors.New("cachesd: no verb is given")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := c.take(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := conn.call(ctx, words)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.keep(conn)
	if refused, ok := reply.(*Error); ok {
		return nil, refused
	}
	return reply, nil
}

// Close closes the connections that nobody uses, and those that are used when they are done.
func (c *Client) Close() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, conn := range c.idle {
		conn.Close()
	}
	c.idle, c.closed = nil, true
	return nil
}

// take returns a connection that was kept and is still good, or a new one.
func (c *Client) take(ctx context.Context) (*connection, error) {
	for {
		c.mutex.Lock()
		last := len(c.idle) - 1
		if last < 0 {
			c.mutex.Unlock()
			return c.connect(ctx)
		}
		conn := c.idle[last]
		c.idle = c.idle[:last]
		c.mutex.Unlock()
		if conn.isGood() {
			return conn, nil
		}
		conn.Close()
	}
}

func (c *Client) keep(conn *connection) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed || len(c.idle) >= c.options.MaxIdle {
		conn.Close()
		return
	}
	c.idle = append(c.idle, conn)
}

func (c *Client) connect(ctx context.Context) (*connection, error) {
	var problem error
	for _, address := range places(c.options.Address) {
		network := "tcp"
		if strings.Contains(address, "/") {
			network = "unix"
		}
		stream, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			conn := &connection{stream, bufio.NewReaderSize(stream, longestLine+2)}
			return conn, c.login(ctx, conn)
		}
		problem = err
	}
	return nil, &Error{"UNAVAILABLE", problem.Error(), problem}
}

// login says who asks, if a token is given. When it fails the connection is closed, and the request was not sent.
func (c *Client) login(ctx context.Context, conn *connection) error {
	if c.options.Token == "" {
		return nil
	}
	reply, err := conn.call(ctx, []any{"auth", c.options.User, c.options.Token})
	if err != nil {
		err = &Error{"UNAVAILABLE", "auth: " + err.Error(), err}
	} else if refused, ok := reply.(*Error); ok {
		err = refused
	}
	if err != nil {
		conn.Close()
	}
	return err
}

// places returns where a daemon may be.
func places(address string) []string {
	if address != "" {
		return []string{address}
	}
	folders := []string{"/run/cachesd"}
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		folders = append(folders, runtime)
	}
	own := fmt.Sprintf("/tmp/cachesd-%d", os.Geteuid()) // whoever comes first can make it
	if info, err := os.Lstat(own); err == nil && info.Sys().(*syscall.Stat_t).Uid == uint32(os.Geteuid()) {
		folders = append(folders, own)
	}
	var found []string
	for _, folder := range folders {
		if _, err := os.Stat(folder + "/cachesd.sock"); err == nil {
			found = append(found, folder+"/cachesd.sock")
		}
	}
	return append(found, "127.0.0.1:7379")
}

func isAddress(address string) bool {
	if strings.Contains(address, "/") {
		return true
	}
	host, port, err := net.SplitHostPort(address)
	number, wrong := strconv.ParseUint(port, 10, 16)
	return err == nil && wrong == nil && host != "" && number > 0
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}

// isGood tells whether the daemon has neither closed it nor said anything unasked: a read would find nothing yet.
func (c *connection) isGood() bool {
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	isQuiet := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, err := syscall.Read(int(fd), one[:])
		isQuiet = err == syscall.EAGAIN
		return true
	})
	return err == nil && isQuiet
}

// call sends the words, and reads their reply, an *Error among the replies. After an error the connection is of no use.
func (c *connection) call(ctx context.Context, words []any) (any, error) {
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, &Error{"LOST", err.Error(), err}
	}
	done, watched := make(chan struct{}), make(chan struct{})
	go func() { // a context that is cancelled wakes the reader
		defer close(watched)
		select {
		case <-ctx.Done():
			c.SetDeadline(time.Unix(1, 0))
		case <-done:
		}
	}()
	reply, err := c.exchange(words)
	close(done)
	<-watched // else it might end the next request
	if err == nil && c.reader.Buffered() > 0 {
		err = errBroken
	}
	if err == nil {
		return reply, nil
	}
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, &Error{"TIMEOUT", "no answer in time", ctxError(ctx)}
	}
	return nil, &Error{"LOST", err.Error(), err}
}

func ctxError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

func (c *connection) exchange(words []any) (any, error) {
	if _, err := c.Write(encoded(words)); err != nil {
		return nil, err
	}
	return c.read(deepest)
}

func encoded(words []any) []byte {
	bytes := []byte(fmt.Sprintf("*%d\r\n", len(words)))
	for _, word := range words {
		switch word := word.(type) {
		case string:
			bytes = append(append(bytes, fmt.Sprintf("$%d\r\n", len(word))...), word...)
		case []byte:
			bytes = append(append(bytes, fmt.Sprintf("$%d\r\n", len(word))...), word...)
		default:
			text := fmt.Sprint(word)
			bytes = append(append(bytes, fmt.Sprintf("$%d\r\n", len(text))...), text...)
		}
		bytes = append(bytes, "\r\n"...)
	}
	return bytes
}

var errBroken = errors.New("a broken reply")

func (c *connection) read(depth int) (any, error) {
	line, err := c.reader.ReadSlice('\n')
	if err == bufio.ErrBufferFull || err == nil && (len(line) < 3 || line[len(line)-2] != '\r') {
		return nil, errBroken
	}
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], string(line[1:len(line)-2])
	switch kind {
	case '+':
		return rest, nil
	case '-':
		code, text, _ := strings.Cut(rest, " ")
		return &Error{Code: code, Text: text}, nil
	}
	number, err := strconv.ParseInt(rest, 10, 64)
	switch {
	case err != nil:
		return nil, errBroken
	case kind == ':':
		return number, nil
	case number == -1 && (kind == '$' || kind == '*'):
		return nil, nil
	case number < 0 || number > largest:
		return nil, errBroken
	case kind == '$':
		return c.readBulk(number)
	case kind == '*' && depth > 0:
		return c.readItems(number, depth-1)
	}
	return nil, errBroken
}

// readBulk takes memory as bytes come, not as they are announced.
func (c *connection) readBulk(size int64) (any, error) {
	var value strings.Builder
	if _, err := io.CopyN(&value, c.reader, size); err != nil {
		return nil, err
	}
	var end [2]byte
	if _, err := io.ReadFull(c.reader, end[:]); err != nil {
		return nil, err
	}
	if string(end[:]) != "\r\n" {
		return nil, errBroken
	}
	return value.String(), nil
}

func (c *connection) readItems(count int64, depth int) (any, error) {
	items := []any{}
	for ; count > 0; count-- {
		item, err := c.read(depth)
		if err != nil {
			return nil, err
		}
		if _, ok := item.(*Error); ok {
			return nil, errBroken // no array of the daemon's has errors
		}
		items = append(items, item)
	}
	return items, nil
}
