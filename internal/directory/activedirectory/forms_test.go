package activedirectory

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/directory/ldapconn"
)

func TestAGUIDReadsAsMicrosoftPrintsIt(t *testing.T) {
	raw := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	got, err := guidText(raw)
	if want := "00112233-4455-6677-8899-aabbccddeeff"; got != want || err != nil {
		t.Errorf("guidText = %q, %v; want %q", got, err, want)
	}
}

func TestGUIDsHaveOneTextForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "guid")
		s, err := guidText(raw)
		if err != nil {
			t.Fatal(err)
		}
		back, err := guidBytes(s)
		if err != nil || string(back) != string(raw) {
			t.Fatalf("guidBytes(%q) = %x, %v; want %x", s, back, err, raw)
		}
		if up := strings.ToUpper(s); up != s {
			if _, err := guidBytes(up); err == nil {
				t.Fatalf("%q is read as well as %q", up, s)
			}
		}
	})
	for _, bad := range []string{"", "x", "00112233445566778899aabbccddeeff", "{00112233-4455-6677-8899-aabbccddeeff}", "00112233-4455-6677-8899-aabbccddeeff0", "0-0112233-4455-6677-8899aabbccddeeff"} {
		if _, err := guidBytes(bad); err == nil {
			t.Errorf("%q is read as a GUID", bad)
		}
	}
	for _, n := range []int{0, 15, 17} {
		if _, err := guidText(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are a GUID", n)
		}
	}
}

func TestSecurityIdentifiers(t *testing.T) {
	domainAdmins := "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\xff\xff\xff\xff\x00\x02\x00\x00"
	if got, err := sidText([]byte(domainAdmins)); got != "S-1-5-21-1-2-4294967295-512" || err != nil || !adminSID(got) {
		t.Errorf("sidText = %q, %v, administrative %v", got, err, adminSID(got))
	}
	for _, bad := range []string{"", "\x01", domainAdmins[:27], domainAdmins + "\x00", "\x02" + domainAdmins[1:], "\x01\xff" + domainAdmins[2:]} {
		if got, err := sidText([]byte(bad)); err == nil {
			t.Errorf("%x is read as %q", bad, got)
		}
	}
}

func TestOnlyWellKnownIdentifiersAreAdministrative(t *testing.T) {
	for sid, want := range map[string]bool{
		"S-1-5-21-1-2-3-512": true, "S-1-5-21-9-9-9-519": true, "S-1-5-21-1-2-3-500": true, "S-1-5-32-544": true, "S-1-5-32-548": true,
		"S-1-5-21-1-2-3-513": false, "S-1-5-21-1-2-3-1512": false, "S-1-5-32-545": false, "S-1-5-32-1544": false, "S-1-5-32": false, "S-1-5-544": false, "S-1-22-1-512": false, "": false,
	} {
		if adminSID(sid) != want {
			t.Errorf("adminSID(%q) = %v", sid, !want)
		}
	}
}

func TestFileTimes(t *testing.T) {
	for s, want := range map[string]time.Time{
		"132223104000000000": time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), "0": {}, "-1": {}, "": {}, "x": {},
		"9223372036854775807": {}, "9223372036854775808": {},
	} {
		if got := fileTime(s); !got.Equal(want) {
			t.Errorf("fileTime(%q) = %v; want %v", s, got, want)
		}
	}
}

func TestLargeIntegersAreMomentsAndNothingElseIs(t *testing.T) {
	if at, ok := largeInteger("134123904000000000"); !ok || !at.Equal(time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", at, ok)
	}
	if at, ok := largeInteger("0"); !ok || !at.IsZero() {
		t.Errorf("nothing is set: %v, %v", at, ok)
	}
	for _, other := range []string{"", "1", "20260302", "20260302080000", "-134123904000000000", "9223372036854775807", "9223372036854775808", "20260302080000Z", "2026-03-02", "1341239040000000 0"} {
		if at, ok := largeInteger(other); ok {
			t.Errorf("%q is %v", other, at)
		}
	}
}

func TestPasswordsAreQuotedInUTF16(t *testing.T) {
	if got, err := quoted("aé😀"); got != "\"\x00a\x00\xe9\x00\x3d\xd8\x00\xde\"\x00" || err != nil {
		t.Errorf("quoted = %x, %v", got, err)
	}
	for _, bad := range []string{"", "\xff", "a\x00b"} {
		if _, err := quoted(bad); err == nil || (bad != "" && strings.Contains(err.Error(), bad)) {
			t.Errorf("quoted(%q): %v", bad, err)
		}
	}
}

func TestWhatControllersSayAboutACredential(t *testing.T) {
	windows := func(data string) string {
		return "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data " + data + ", v2580"
	}
	for _, c := range []struct {
		code uint16
		text string
		want signIn
	}{
		{0, "", works}, {49, windows("773"), works}, {49, windows("532"), works}, {49, windows("52e"), wrong}, {49, windows("52E"), wrong}, {49, windows("525"), wrong},
		{49, windows("775"), lockedOut}, {49, windows("533"), barred}, {49, windows("701"), barred}, {49, windows("530"), barred},
		{49, "", wrong}, {49, windows("999"), unreadable}, {51, windows("773"), unreadable}, {52, "", unreadable}, {8, "", unreadable},
		{49, "data 773", wrong},
	} {
		if got := judgeBind(ldapconn.Answer{Code: c.code, Diagnostic: c.text}); got != c.want {
			t.Errorf("result %d %q is %d; want %d", c.code, c.text, got, c.want)
		}
	}
}

const metadata = "<DS_REPL_ATTR_META_DATA>\n\t<pszAttributeName>Mobile</pszAttributeName>\n\t<dwVersion>2</dwVersion>\n" +
	"\t<ftimeLastOriginatingChange>2025-02-03T04:05:06Z</ftimeLastOriginatingChange>\n" +
	"\t<uuidLastOriginatingDsaInvocationID>00112233-4455-6677-8899-aabbccddeeff</uuidLastOriginatingDsaInvocationID>\n" +
	"\t<usnOriginatingChange>12345</usnOriginatingChange>\n\t<usnLocalChange>12345</usnLocalChange>\n\t<pszLastOriginatingDsaDN></pszLastOriginatingDsaDN>\n</DS_REPL_ATTR_META_DATA>\n\x00"

func TestReplicationMetadataDatesAnAttribute(t *testing.T) {
	attr, at, ok := originated(metadata)
	if attr != "mobile" || !at.Equal(time.Date(2025, 2, 3, 4, 5, 6, 0, time.UTC)) || !ok {
		t.Errorf("originated = %q, %v, %v", attr, at, ok)
	}
	for _, bad := range []string{"", "<x/>", strings.Replace(metadata, "2025-", "soon", 1), strings.Replace(metadata, "2025-02-03", "1601-01-01", 1), strings.Replace(metadata, "Mobile", "", 1)} {
		if _, _, ok := originated(bad); ok {
			t.Errorf("%.80q dates an attribute", bad)
		}
	}
}

func FuzzReplicationMetadata(f *testing.F) {
	f.Add(metadata)
	f.Add("<DS_REPL_ATTR_META_DATA><pszAttributeName>mail</pszAttributeName><ftimeLastOriginatingChange>9999-12-31T23:59:59Z</ftimeLastOriginatingChange></DS_REPL_ATTR_META_DATA>")
	f.Fuzz(func(t *testing.T, s string) {
		attr, at, ok := originated(s)
		if ok != (attr != "") || ok == at.IsZero() {
			t.Errorf("originated = %q, %v, %v", attr, at, ok)
		}
	})
}

func TestTheDomainOfABase(t *testing.T) {
	for base, want := range map[string]string{
		"OU=Staff,OU=EU,DC=corp,DC=example,DC=test": "dc=corp,dc=example,dc=test", "DC=corp,DC=test": "dc=corp,dc=test", "OU=x": "", "": "", "nonsense": "",
	} {
		got, err := domainOf(base)
		if !strings.EqualFold(got, want) || (err == nil) != (want != "") {
			t.Errorf("domainOf(%q) = %q, %v; want %q", base, got, err, want)
		}
	}
}
