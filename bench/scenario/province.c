#include "bench/scenario/province.h"

#include "config/text.h"

static const char *const names[PROVINCES_MAX] = {
    "an-giang",    "bac-ninh", "ca-mau",      "can-tho",   "cao-bang",    "da-nang",    "dak-lak",
    "dien-bien",   "dong-nai", "dong-thap",   "gia-lai",   "ha-noi",      "ha-tinh",    "hai-phong",
    "ho-chi-minh", "hue",      "hung-yen",    "khanh-hoa", "lai-chau",    "lam-dong",   "lang-son",
    "lao-cai",     "nghe-an",  "ninh-binh",   "phu-tho",   "quang-ngai",  "quang-ninh", "quang-tri",
    "son-la",      "tay-ninh", "thai-nguyen", "thanh-hoa", "tuyen-quang", "vinh-long",
};

const char *province_name(uint32_t province)
{
    return names[province];
}

uint32_t province_find(struct slice name)
{
    uint32_t i = 0;
    while (i < PROVINCES_MAX && !slice_eq(name, slice_str(names[i])))
        i++;
    return i;
}

const char *province_nearest(struct slice name, uint32_t count)
{
    return text_nearest(name, names, count);
}
