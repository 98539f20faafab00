/* Whether a submission's record in Redis (submission_scripts.h) still tells of a dispatch, asked by
 * the node that made it. */
#ifndef STORE_DISPATCH_SCRIPT_H
#define STORE_DISPATCH_SCRIPT_H

#include "store/submission_scripts.h"

/* owner, fence, put back, state, fingerprint, what is left of the
 * lease, the dispatch, doubtful, status, lifetime. Says
 *
 *   SAME   its dispatch is known here      NEWER  a later attempt is
 *   LOST   it is not                       AGAIN  nor is it, and somebody has sent it once more
 *   PUT    it was not; now it is
 *
 * A later attempt that knows of an earlier one is doubtful. One that is only begun is written over.
 * That it is answered may be lost alone; then it is put right without a word. */
#define DISPATCH_LUA_REMIND                                                                        \
    SUBMISSION_LUA_NOW                                                                             \
    "local r=redis.call('HMGET',KEYS[1],'s','o','f','d') "                                         \
    "local function answer() if ARGV[4]=='C' then "                                                \
    "  redis.call('HSET',KEYS[1],'s','C','st',ARGV[9],'w','0','h','','b','') end end "             \
    "if r[1] then "                                                                                \
    "  local fence,mine=tonumber(r[3]),tonumber(ARGV[2]) "                                         \
    "  if r[1]~='P' and r[2]==ARGV[1] and fence==mine then "                                       \
    "    if r[1]~='C' then answer() end "                                                          \
    "    return {'SAME'} "                                                                         \
    "  end "                                                                                       \
    "  if fence>mine and r[4]=='1' then return {'NEWER'} end "                                     \
    "  if r[1]~='P' then return {'AGAIN'} end "                                                    \
    "end "                                                                                         \
    "if ARGV[3]=='0' then return {'LOST'} end "                                                    \
    "redis.call('HSET',KEYS[1],'s',ARGV[4],'fp',ARGV[5],'o',ARGV[1],'f',ARGV[2],"                  \
    "'l',num(now+tonumber(ARGV[6])),'at',ARGV[7],'d',ARGV[8]) "                                    \
    "answer() "                                                                                    \
    "redis.call('PEXPIRE',KEYS[1],ARGV[10]) "                                                      \
    "return {'PUT'}"

#endif
