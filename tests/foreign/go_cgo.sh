# needs go:golang-go gcc:gcc
export HOME=$PWD GOCACHE=$PWD/cache GOFLAGS=-mod=mod GO111MODULE=off GOTOOLCHAIN=local
cat >m.go <<'END'
package main
// #include <stdlib.h>
// #include <string.h>
// static char *twice(const char *s) { char *r = malloc(2 * strlen(s) + 1); strcpy(r, s); return strcat(r, s); }
import "C"
import ("fmt"; "sync"; "unsafe")
func main() {
	var group sync.WaitGroup
	sums := make([]int, 8)
	for n := range sums { group.Add(1); go func(n int) { defer group.Done()
		for i := 0; i < 500; i++ { s := C.CString(fmt.Sprint(n, i)); t := C.twice(s)
			sums[n] += len(C.GoString(t)); C.free(unsafe.Pointer(s)); C.free(unsafe.Pointer(t)) } }(n) }
	group.Wait()
	fmt.Println(sums)
}
END
go build -o m m.go && ./m
