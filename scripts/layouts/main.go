// layouts tells what a Go tree has under the names on standard input, one a line: `runtime.g.sched.pc`. For each it
// prints the name and its offset, its size and its length, or a constant's value, as JSON; a name that the tree lacks is left out.
//
// The tree is GOROOT's first argument; its packages are type-checked from source, for linux/amd64.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/build"
	"go/constant"
	"go/importer"
	"go/token"
	"go/types"
	"os"
	"strings"
)

type fact struct {
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
	Length int64 `json:"length"`
	Stride int64 `json:"stride"`
	Value  int64 `json:"value"`
}

var sizes = types.SizesFor("gc", "amd64")

func main() {
	build.Default.GOROOT = os.Args[1]
	build.Default.GOOS = "linux"
	build.Default.GOARCH = "amd64"
	build.Default.CgoEnabled = false
	source := importer.ForCompiler(token.NewFileSet(), "source", nil)
	found := map[string]fact{}
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		name := input.Text()
		dot := strings.LastIndex(name, "/")
		parts := strings.Split(name[dot+1:], ".")
		pkg, err := source.Import(name[:dot+1] + parts[0])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if object := pkg.Scope().Lookup(parts[1]); object != nil {
			if fact, ok := follow(object, parts[2:]); ok {
				found[name] = fact
			}
		}
	}
	json.NewEncoder(os.Stdout).Encode(found)
}

func follow(object types.Object, fields []string) (fact, bool) {
	kind := object.Type()
	if named, ok := object.(*types.Const); ok && named.Val().Kind() == constant.Int {
		value, _ := constant.Int64Val(named.Val())
		return fact{Value: value}, len(fields) == 0
	}
	if _, isType := object.(*types.TypeName); !isType {
		return fact{}, len(fields) == 0
	}
	var at int64
	for _, name := range fields {
		if array, ok := kind.Underlying().(*types.Array); ok {
			kind = array.Elem()
		}
		structure, ok := kind.Underlying().(*types.Struct)
		if !ok {
			return fact{}, false
		}
		offset, next := field(structure, name)
		if next == nil {
			return fact{}, false
		}
		at += offset
		kind = next
	}
	known := fact{Offset: at, Size: sizes.Sizeof(kind)}
	if array, ok := kind.Underlying().(*types.Array); ok {
		known.Length = array.Len()
		known.Stride = sizes.Sizeof(array.Elem())
	}
	return known, true
}

// field looks into embedded structures, too.
func field(structure *types.Struct, name string) (int64, types.Type) {
	all := make([]*types.Var, structure.NumFields())
	for i := range all {
		all[i] = structure.Field(i)
	}
	for i, offset := range sizes.Offsetsof(all) {
		if all[i].Name() == name {
			return offset, all[i].Type()
		}
		if inner, ok := all[i].Type().Underlying().(*types.Struct); ok && all[i].Embedded() {
			if within, kind := field(inner, name); kind != nil {
				return offset + within, kind
			}
		}
	}
	return 0, nil
}
