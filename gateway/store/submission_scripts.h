/* What is done to a submission's record in Redis, each in one step: a hash under
 * "cong:{id:<key>}" with
 *
 *   s   P pending, D dispatched, U in doubt, C answered
 *   fp  fingerprint;  o  owner;  f  fence;  l  end of the lease;  at  the last dispatch
 *   d   1: was dispatched under an earlier fence
 *   st, w, h, b  the answer: status, whether it is whole, head, body
 *
 * Times are Redis's own, in milliseconds. All scripts may be repeated: an owner and a fence name
 * one attempt, for which the same thing has then been done already. */
#ifndef STORE_SUBMISSION_SCRIPTS_H
#define STORE_SUBMISSION_SCRIPTS_H

#define SUBMISSION_LUA_NOW                                                                         \
    "local t=redis.call('TIME') "                                                                  \
    "local now=t[1]*1000+math.floor(t[2]/1000) "                                                   \
    "local function num(n) return string.format('%.0f',n) end "

/* fingerprint, owner, lease, take over */
#define SUBMISSION_LUA_BEGIN                                                                       \
    SUBMISSION_LUA_NOW                                                                             \
    "local r=redis.call('HMGET',KEYS[1],'s','fp','o','f','l','d','at','st','w','h','b') "          \
    "local s,fence,doubt,at=r[1],0,'0','0' "                                                       \
    "if s then "                                                                                   \
    "  fence,at=tonumber(r[4]),r[7] "                                                              \
    "  if s=='P' and r[3]==ARGV[2] then return {'NEW',r[4],r[6],at} end "                          \
    "  local left=tonumber(r[5])-now "                                                             \
    "  local free=s=='P' and left<=0 and r[6]=='0' "                                               \
    "  if not free and r[2]~=ARGV[1] then return {'MISMATCH'} end "                                \
    "  if s=='C' then return {'COMPLETE',at,r[8],r[9],r[10],r[11]} end "                           \
    "  if s~='U' and left>0 then return {'BUSY',num(left)} end "                                   \
    "  if not free then "                                                                          \
    "    if ARGV[4]=='0' then return {'UNKNOWN',at} end "                                          \
    "    doubt='1' "                                                                               \
    "  end "                                                                                       \
    "end "                                                                                         \
    "local lease=tonumber(ARGV[3]) "                                                               \
    "redis.call('HSET',KEYS[1],'s','P','fp',ARGV[1],'o',ARGV[2],'f',num(fence+1),"                 \
    "'l',num(now+lease),'d',doubt,'at',at) "                                                       \
    "if redis.call('PTTL',KEYS[1])<lease then redis.call('PEXPIRE',KEYS[1],ARGV[3]) end "          \
    "return {'NEW',num(fence+1),doubt,at}"

/* What the rest begins with. owner, fence */
#define SUBMISSION_LUA_OWN                                                                         \
    "local r=redis.call('HMGET',KEYS[1],'s','o','f','d') "                                         \
    "local s=r[1] "                                                                                \
    "if not s or r[2]~=ARGV[1] or r[3]~=ARGV[2] then return {'LOST'} end "

/* and lease, lifetime. Also tells how many replicas there are to wait for. */
#define SUBMISSION_LUA_SENT                                                                        \
    SUBMISSION_LUA_NOW SUBMISSION_LUA_OWN                                                          \
        "if s~='P' and s~='D' then return {'LOST'} end "                                           \
        "redis.call('HSET',KEYS[1],'s','D','at',num(now),'l',num(now+tonumber(ARGV[3]))) "         \
        "if redis.call('PTTL',KEYS[1])<tonumber(ARGV[4]) then "                                    \
        "  redis.call('PEXPIRE',KEYS[1],ARGV[4]) end "                                             \
        "return {'DONE',string.match(redis.call('INFO','replication'),'connected_slaves:(%d+)') "  \
        "or "                                                                                      \
        "'0'}"

/* and lifetime, status, whole, head, body */
#define SUBMISSION_LUA_COMPLETE                                                                    \
    SUBMISSION_LUA_OWN                                                                             \
    "if s=='U' then return {'LOST'} end "                                                          \
    "redis.call('HSET',KEYS[1],'s','C','st',ARGV[4],'w',ARGV[5],'h',ARGV[6],'b',ARGV[7]) "         \
    "redis.call('PEXPIRE',KEYS[1],ARGV[3]) "                                                       \
    "return {'DONE'}"

/* The fence goes on being known where a backend may have seen one. */
#define SUBMISSION_LUA_RELEASE                                                                     \
    SUBMISSION_LUA_OWN                                                                             \
    "if s~='P' and s~='D' then return {'LOST'} end "                                               \
    "if r[4]=='1' then redis.call('HSET',KEYS[1],'s','U') "                                        \
    "elseif s=='P' and r[3]=='1' then redis.call('DEL',KEYS[1]) "                                  \
    "else redis.call('HSET',KEYS[1],'s','P','o','','l','0') end "                                  \
    "return {'DONE'}"

/* and lifetime */
#define SUBMISSION_LUA_DOUBT                                                                       \
    SUBMISSION_LUA_OWN                                                                             \
    "if s~='P' and s~='D' then return {s=='U' and 'DONE' or 'LOST'} end "                          \
    "redis.call('HSET',KEYS[1],'s','U') "                                                          \
    "redis.call('PEXPIRE',KEYS[1],ARGV[3]) "                                                       \
    "return {'DONE'}"

#define SUBMISSION_LUA_LOOK                                                                        \
    SUBMISSION_LUA_NOW                                                                             \
    "local r=redis.call('HMGET',KEYS[1],'s','l','d','at') "                                        \
    "local s=r[1] "                                                                                \
    "if not s then return {'NONE','0'} end "                                                       \
    "if s=='C' then return {'COMPLETE',r[4]} end "                                                 \
    "if s~='U' and tonumber(r[2])>now then return {'BUSY',r[4]} end "                              \
    "if s=='P' and r[3]=='0' then return {'NONE','0'} end "                                        \
    "return {'UNKNOWN',r[4]}"

#endif
