// cgo: four goroutines allocate and free 100 blocks each in C, and keep one of 151 bytes each.
package main

// #include <stdlib.h>
// static void *allocate(size_t bytes) { return malloc(bytes); }
import "C"

import (
	"fmt"
	"sync"
)

//go:noinline
func work() {
	for i := 0; i < 100; i++ {
		C.free(C.allocate(149))
	}
	C.allocate(151)
}

func main() {
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			work()
		}()
	}
	group.Wait()
	fmt.Println("done")
}
