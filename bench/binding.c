/*
 * The documented `next` loop as a binding in C has it: pcap_next_ex(), and Lua's C API for the
 * string and the numbers. Loaded by bench/ours.lua.
 */
#include <lauxlib.h>
#include <lua.h>
#include <pcap/pcap.h>

static int next_packet(lua_State *L) {
    pcap_t **p = luaL_checkudata(L, 1, "binding");
    struct pcap_pkthdr *header;
    const u_char *data;
    if (pcap_next_ex(*p, &header, &data) != 1) {
        lua_pushnil(L);
        lua_pushstring(L, "closed");
        return 2;
    }
    lua_pushlstring(L, (const char *)data, header->caplen);
    lua_pushnumber(L, (double)header->ts.tv_sec + (double)header->ts.tv_usec / 1e6);
    lua_pushinteger(L, header->len);
    return 3;
}

static int open_offline(lua_State *L) {
    char errbuf[PCAP_ERRBUF_SIZE];
    const char *fname = luaL_checkstring(L, 1);
    pcap_t **p = lua_newuserdata(L, sizeof *p);
    *p = pcap_open_offline(fname, errbuf);
    if (*p == NULL)
        return luaL_error(L, "%s", errbuf);
    luaL_getmetatable(L, "binding");
    lua_setmetatable(L, -2);
    return 1;
}

int luaopen_binding(lua_State *L) {
    luaL_newmetatable(L, "binding");
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, next_packet);
    lua_setfield(L, -2, "next");
    lua_pushcfunction(L, open_offline);
    return 1;
}
