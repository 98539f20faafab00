/* What `cong version` says. */
#ifndef PROCESS_VERSION_H
#define PROCESS_VERSION_H

#ifndef CONG_VERSION
#define CONG_VERSION "0.1.0"
#endif

#endif
