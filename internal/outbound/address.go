package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// never are networks that no partner lives in: where clouds tell an instance
// its secrets, and addresses that tunnel to somewhere that cannot be judged.
var never = prefixes(
	"0.0.0.0/8", "240.0.0.0/4", // this network; reserved, broadcast
	"100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", // metadata services of clouds besides 169.254.169.254
	"fd00:ec2::254/128", "fd20:ce::254/128", // the same
	"::/96", "2001::/32", "2002::/16", "fec0::/10", // IPv4-compatible, Teredo, 6to4, site-local: all withdrawn
)

// inside are networks of an organisation's own, besides those that netip knows.
var inside = prefixes("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "64:ff9b:1::/48")

// nat64 is how an IPv6-only network writes IPv4 addresses (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

func among(ip netip.Addr, nets []netip.Prefix) bool {
	for _, n := range nets {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// judge says why ip may not be called, or nil.
func judge(ip netip.Addr, private bool) error {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case ip.IsLoopback(): // before the withdrawn ::/96, where ::1 lies
		if !private {
			return fmt.Errorf("%w: %s is this machine (hint: allow_private)", ErrAddress, ip)
		}
	case !ip.IsValid(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(), among(ip, never):
		return fmt.Errorf("%w: %s is nobody's address", ErrAddress, ip)
	case ip.IsPrivate() || among(ip, inside):
		if !private {
			return fmt.Errorf("%w: %s is in a private network (hint: allow_private)", ErrAddress, ip)
		}
	}
	return nil
}

// Check reports why u may not be called, as far as its spelling tells: it must
// be https, or http to a loopback address where those are allowed. Which
// address a name has is judged when it is dialled.
func (o Options) Check(u *url.URL) error {
	host := strings.ToLower(u.Hostname())
	ip, err := netip.ParseAddr(host)
	switch local := loopback(host); {
	case host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%w: it is not of the form https://HOST/…", ErrAddress)
	case u.Scheme == "http" && !local:
		return fmt.Errorf("%w: only https goes over a network", ErrAddress)
	case local && !o.AllowPrivate:
		return fmt.Errorf("%w: %s is this machine (hint: allow_private)", ErrAddress, host)
	case err == nil:
		return judge(ip, o.AllowPrivate)
	case numeric(host):
		return fmt.Errorf("%w: the host is an address in an odd spelling", ErrAddress)
	}
	return nil
}

// loopback reports whether a host is this machine by its very spelling.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// numeric reports whether a host ends in a number: no domain does, but
// 2852039166, 0x7f.1 and 127.1 do, which some resolvers and proxies take for
// addresses.
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || last != "" && strings.Trim(last, "0123456789") == ""
}

// dial connects, and judges the very address that is connected to: whatever
// the name service says now or says next, there is no moment between.
func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: it has no port", ErrAddress)
	}
	// An operator's proxy stands where it stands. With one, only hosts that
	// Check has admitted as loopback are dialled directly.
	private := g.AllowPrivate || g.Proxy != nil
	d := net.Dialer{Timeout: timeoutDial, Resolver: g.resolver, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		switch {
		case err != nil:
			return fmt.Errorf("%w: it cannot be read", ErrAddress)
		case loopback(host) && !at.Addr().Unmap().IsLoopback():
			return fmt.Errorf("%w: localhost is not this machine", ErrAddress)
		}
		return judge(at.Addr(), private)
	}}
	return d.DialContext(ctx, network, addr)
}
