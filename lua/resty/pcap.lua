--- resty.pcap: the name under which OpenResty's users look for pcap.resty.

return require "pcap.resty"
