package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// ErrUnbuilt means that what comes from npm is not there.
var ErrUnbuilt = errors.New("console: its scripts, icons and typeface have not been built: run `make assets`, then build again")

// assets are styles, scripts, icons and typefaces, by the name they are served
// under. The name carries a hash of the content, so that a browser may keep
// them for ever and a new version never meets an old one.
type assets struct {
	content map[string]asset  // by served name
	served  map[string]string // served name by file name
	sprite  []byte            // of the icons
}

type asset struct {
	kind       string // media type
	plain, zip []byte // zip is nil where it saves nothing
}

// kinds are given here: what a machine thinks of an extension differs.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2",
}

const stylesheet = "console.css"

func loadAssets() (assets, error) {
	a := assets{content: map[string]asset{}, served: map[string]string{}}
	var err error
	if a.sprite, err = assetFiles.ReadFile("assets/dist/icons.svg"); err != nil {
		return a, ErrUnbuilt
	}
	var styles bytes.Buffer
	err = fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".css" {
			styles.Write(content) // in the order of their names
			return nil
		}
		return a.add(path.Base(name), content)
	})
	if err != nil {
		return a, fmt.Errorf("console: reading assets: %w", err)
	}
	if err := a.addWords(); err != nil {
		return a, err
	}
	return a, a.add(stylesheet, pointed.ReplaceAllFunc(styles.Bytes(), func(ref []byte) []byte {
		return []byte(`url("` + a.url(string(pointed.FindSubmatch(ref)[1])) + `")`)
	}))
}

// pointed is how a style names another asset.
var pointed = regexp.MustCompile(`url\("asset:([^"]+)"\)`)

func (a assets) add(file string, content []byte) error {
	if _, twice := a.served[file]; twice {
		return fmt.Errorf("two files are named %s", file)
	}
	hash, ext := sha256.Sum256(content), path.Ext(file)
	name := strings.TrimSuffix(file, ext) + "." + hex.EncodeToString(hash[:8]) + ext
	kind, ok := kinds[ext]
	if !ok {
		return fmt.Errorf("%s is of no known kind", file)
	}
	one := asset{kind: kind, plain: content}
	if zipped := squeeze(content, gzip.BestCompression); len(zipped) < len(content)*9/10 {
		one.zip = zipped
	}
	a.content[name], a.served[file] = one, name
	return nil
}

// addWords brings the texts of the scripts in each language but theirs.
func (a assets) addWords() error {
	var scripts [][]byte
	for name, one := range a.content {
		if path.Ext(name) == ".js" {
			scripts = append(scripts, one.plain)
		}
	}
	for _, t := range tongues[1:] {
		words, err := t.scriptWords(scripts)
		if err == nil {
			err = a.add("words-"+t.Tag()+".js", words)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func squeeze(content []byte, level int) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(content) // to memory
	_ = w.Close()
	return b.Bytes()
}

// unzips reports whether the reader's browser does.
func unzips(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") }

func (a assets) url(file string) string {
	name, ok := a.served[file]
	if !ok {
		panic(fmt.Errorf("console: a page names the asset %q, which does not exist", file))
	}
	return "/assets/" + name
}

func (c *console) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	one, ok := c.assets.content[name]
	if !ok {
		return errNowhere
	}
	content := one.plain
	h := w.Header()
	h.Set("Content-Type", one.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if one.zip != nil && unzips(r) {
		h.Set("Content-Encoding", "gzip")
		content = one.zip
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return nil
}
