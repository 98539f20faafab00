#include "upstream/retry_budget.h"

#include <string.h>

void retry_budget_turn(struct retry_budget *b, uint64_t second)
{
    uint64_t passed = MIN(second - b->second, RETRY_BUDGET_SECONDS);
    for (uint64_t i = 0; i < passed; i++)
        memset(&b->seconds[(second - i) % RETRY_BUDGET_SECONDS], 0, sizeof(b->seconds[0]));
    b->second = second;
}

bool retry_budget_take(struct retry_budget *b, uint64_t second, uint32_t reserve)
{
    uint64_t requests = 0, retries = 0;
    if (second != b->second)
        retry_budget_turn(b, second);
    for (size_t i = 0; i < RETRY_BUDGET_SECONDS; i++) {
        requests += b->seconds[i].requests;
        retries += b->seconds[i].retries;
    }
    if (retries >= requests / RETRY_BUDGET_SHARE + reserve)
        return false;
    b->seconds[second % RETRY_BUDGET_SECONDS].retries++;
    return true;
}
