"""What Python programs do: peers.py dpkt|dpkt-pcapng|pcapy|scapy-pcapng|dpkt-decode|scapy-decode FILE. Prints the packets and bytes seen."""

import sys

library, fname = sys.argv[1:]
packets = total = 0
if library == "dpkt":
    import dpkt

    with open(fname, "rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            packets += 1
            total += len(data) + data[0]
elif library == "dpkt-pcapng":
    import dpkt

    with open(fname, "rb") as file:
        for _, data in dpkt.pcapng.Reader(file):
            packets += 1
            total += len(data) + data[0]
elif library == "scapy-pcapng":
    from scapy.utils import RawPcapNgReader

    for data, _ in RawPcapNgReader(fname):
        packets += 1
        total += len(data) + data[0]
elif library == "dpkt-decode":
    import dpkt

    with open(fname, "rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            packets += 1
            total += dpkt.ethernet.Ethernet(data).data.data.dport
elif library == "scapy-decode":
    from scapy.layers.inet import TCP
    from scapy.layers.l2 import Ether
    from scapy.utils import RawPcapReader

    for data, _ in RawPcapReader(fname):
        packets += 1
        total += Ether(data)[TCP].dport
else:
    import pcapy

    reader = pcapy.open_offline(fname)
    header, data = reader.next()
    while header is not None:
        packets += 1
        total += len(data) + data[0]
        header, data = reader.next()
print(packets, total)
