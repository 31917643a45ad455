// Shows a client that has a token, as logs and errors do.
package main

import (
	"cachesd"
	"context"
	"fmt"
)

func main() {
	options := cachesd.Options{User: "web", Token: "secret"}
	client, err := cachesd.New(options)
	if err == nil {
		_, err = client.Call(context.Background(), "ping")
	}
	fmt.Printf("%v %+v %+v %v\n", options, options, client, err)
}
