package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assets are the style, the script and the mark, by the name they are served
// under. The name carries a hash of the content, so that a browser may keep
// them for ever and a new version never meets an old one.
type assets struct {
	content map[string][]byte // by served name
	served  map[string]string // served name by file name
}

func loadAssets() assets {
	a := assets{map[string][]byte{}, map[string]string{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // embedded: cannot fail in a program that was built
	}
	for _, e := range entries {
		content, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		hash := sha256.Sum256(content)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(hash[:8]) + ext
		a.content[name], a.served[e.Name()] = content, name
	}
	return a
}

func (a assets) url(file string) string { return "/assets/" + a.served[file] }

func (c *console) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	content, ok := c.assets.content[name]
	if !ok {
		return errNowhere
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	return nil
}
