// What a Go program does: gopacket pcap|pcapgo|ng FILE reads with libpcap, or with the readers of
// pcap and pcapng in Go alone; gopacket decode FILE decodes too, without garbage.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"
	"github.com/google/gopacket/pcapgo"
)

func bytesOf(path string) *bufio.Reader {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	return bufio.NewReaderSize(file, 1<<17)
}

func main() {
	var read func() ([]byte, gopacket.CaptureInfo, error)
	switch os.Args[1] {
	case "pcap", "decode":
		handle, err := pcap.OpenOffline(os.Args[2])
		if err != nil {
			panic(err)
		}
		read = handle.ZeroCopyReadPacketData
	case "pcapgo":
		reader, err := pcapgo.NewReader(bytesOf(os.Args[2]))
		if err != nil {
			panic(err)
		}
		read = reader.ZeroCopyReadPacketData
	case "ng":
		reader, err := pcapgo.NewNgReader(bytesOf(os.Args[2]), pcapgo.DefaultNgReaderOptions)
		if err != nil {
			panic(err)
		}
		read = reader.ZeroCopyReadPacketData
	}
	var eth layers.Ethernet
	var ip layers.IPv4
	var tcp layers.TCP
	var payload gopacket.Payload
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &ip, &tcp, &payload)
	var decoded []gopacket.LayerType
	decodes := os.Args[1] == "decode"
	packets, sum := 0, 0
	for {
		data, _, err := read()
		if err != nil {
			break
		}
		packets++
		if decodes {
			if parser.DecodeLayers(data, &decoded) == nil {
				sum += int(tcp.DstPort)
			}
			continue
		}
		sum += len(data) + int(data[0])
	}
	fmt.Println(packets, sum)
}
