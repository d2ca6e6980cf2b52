module cgo

go 1.16
