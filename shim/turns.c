/* Keeps sources in the order of their next packets' times: a heap, in memory that Lua owns. */
#include "luapcap.h"

/* Whether `a` comes before `b`. Of equal times, the later source comes first, as in mergecap. */
static int is_before(const luapcap_turn *a, const luapcap_turn *b) {
    if (a->sec != b->sec)
        return a->sec < b->sec;
    if (a->nsec != b->nsec)
        return a->nsec < b->nsec;
    return a->source > b->source;
}

/* Puts `turn` where it belongs, from the first place downwards. */
static void sift_down(luapcap_turn *turns, int32_t count, luapcap_turn turn) {
    int32_t at = 0, child;
    while ((child = 2 * at + 1) < count) {
        if (child + 1 < count && is_before(&turns[child + 1], &turns[child]))
            child++;
        if (!is_before(&turns[child], &turn))
            break;
        turns[at] = turns[child];
        at = child;
    }
    turns[at] = turn;
}

/* Gives the first of `count` turns another time. Returns the source that is first then. */
int32_t luapcap_turns_change(luapcap_turn *turns, int32_t count, double sec, double nsec) {
    luapcap_turn turn = {.sec = sec, .nsec = nsec, .source = turns[0].source};
    sift_down(turns, count, turn);
    return turns[0].source;
}

/* Adds a turn to `count` others. There must be room for it. */
void luapcap_turns_add(luapcap_turn *turns, int32_t count, double sec, double nsec,
                       int32_t source) {
    luapcap_turn turn = {.sec = sec, .nsec = nsec, .source = source};
    int32_t at = count;
    while (at > 0 && is_before(&turn, &turns[(at - 1) / 2])) {
        turns[at] = turns[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    turns[at] = turn;
}

/* Takes the first of `count` turns away. */
void luapcap_turns_remove(luapcap_turn *turns, int32_t count) {
    sift_down(turns, count - 1, turns[count - 1]);
}
