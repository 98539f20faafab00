/* Answers to requests that could not be served, as error_page_table.h explains. */
#ifndef HTTP_ERROR_PAGE_ROWS_5XX_H
#define HTTP_ERROR_PAGE_ROWS_5XX_H

/* clang-format off */ /* it takes bytes for letters when it lines up the backslashes */
#define ERROR_PAGE_ROWS_5XX(ROW)                                                                     \
    ROW(UPSTREAM_CONNECT, upstream_connect, 502, UNKNOWN,                           \
        BOTH("Chưa kết nối được với hệ thống xử lý", "The processing system cannot be reached"),   \
        BOTH("Cổng vẫn hoạt động, nhưng hệ thống xử lý dịch vụ này không nhận kết nối.",           \
             "The portal is working, but the system behind this service does not accept "          \
             "connections."),                                                                      \
        BOTH("Để xem trang này, hãy thử lại sau vài phút.",                                        \
             "To see this page, try again in a few minutes."))                                     \
    ROW(UPSTREAM_TLS, upstream_tls, 502, UNKNOWN,                                                  \
        BOTH("Chưa kết nối an toàn được với hệ thống xử lý",                                       \
             "There is no safe connection to the processing system"),                              \
        BOTH("Hệ thống xử lý dịch vụ này chưa được xác minh, nên yêu cầu không được gửi tới đó.",  \
             "The system behind this service did not prove what it is, so nothing was sent to "    \
             "it."),                                                                               \
        BOTH("Để xem trang này, hãy thử lại sau vài phút.",                                        \
             "To see this page, try again in a few minutes."))                                     \
    ROW(UPSTREAM_CLOSED, upstream_closed, 502, UNKNOWN,                             \
        BOTH("Hệ thống xử lý ngắt kết nối", "The processing system broke off"),                    \
        BOTH("Hệ thống xử lý dịch vụ này đã ngắt kết nối trước khi trả lời.",                      \
             "The system behind this service closed the connection before it answered."),          \
        BOTH("Để xem trang này, hãy thử lại sau vài phút.",                                        \
             "To see this page, try again in a few minutes."))                                     \
    ROW(UPSTREAM_INVALID, upstream_invalid, 502, UNKNOWN,                           \
        BOTH("Hệ thống xử lý trả lời sai quy cách", "The processing system's answer is invalid"),  \
        BOTH("Hệ thống xử lý dịch vụ này đã trả lời, nhưng câu trả lời không đọc được.",           \
             "The system behind this service answered, but the answer could not be read."),        \
        BOTH("Để xem trang này, hãy thử lại sau vài phút.",                                        \
             "To see this page, try again in a few minutes."))                                     \
    ROW(UPSTREAM_TIMEOUT, upstream_timeout, 504, UNKNOWN,                       \
        BOTH("Hệ thống xử lý trả lời quá chậm", "The processing system is too slow"),              \
        BOTH("Hệ thống xử lý dịch vụ này chưa trả lời trong thời gian chờ.",                       \
             "The system behind this service did not answer in time."),                            \
        BOTH("Để xem trang này, hãy thử lại sau vài phút.",                                        \
             "To see this page, try again in a few minutes."))                                     \
    ROW(UPSTREAM_BUSY, upstream_busy, 503, NOTHING_FILED,                           \
        BOTH("Hệ thống xử lý đang quá tải", "The processing system is very busy"),                  \
        BOTH("Hệ thống xử lý dịch vụ này trả lời chậm và đã có đủ người đang chờ. Các dịch vụ "     \
             "khác vẫn hoạt động.",                                                                \
             "The system behind this service is slow, and enough people wait for it already. "     \
             "Other services work."),                                                              \
        BOTH("Hãy đợi một lát rồi thử lại.", "Wait a little, then try again."))                    \
    ROW(UPSTREAM_BROKEN, upstream_broken, 503, NOTHING_FILED,                       \
        BOTH("Hệ thống xử lý đang gặp sự cố", "The processing system is in trouble"),               \
        BOTH("Hệ thống xử lý dịch vụ này vừa không trả lời nhiều người. Cổng tự kiểm tra lại "      \
             "thường xuyên. Các dịch vụ khác vẫn hoạt động.",                                      \
             "The system behind this service has failed to answer many people just now. The "      \
             "portal keeps trying it. Other services work."),                                      \
        BOTH("Hãy thử lại sau ít phút.", "Try again in a few minutes."))                           \
    ROW(SYSTEM_BUSY, system_busy, 503, NOTHING_FILED,                               \
        BOTH("Hệ thống dùng chung đang chậm", "A shared national system is slow"),                  \
        BOTH("Dịch vụ này cần dữ liệu từ một hệ thống quốc gia đang trả lời chậm. Các dịch vụ "     \
             "không cần hệ thống đó vẫn hoạt động.",                                               \
             "This service needs data from a national system that is slow right now. Services "    \
             "that do without it work."),                                                          \
        BOTH("Hãy đợi một lát rồi thử lại.", "Wait a little, then try again."))                    \
    ROW(UNAVAILABLE, unavailable, 503, UNKNOWN,                       \
        BOTH("Dịch vụ tạm thời gián đoạn", "The service is unavailable for now"),                  \
        BOTH("Hệ thống xử lý dịch vụ này đang tạm dừng hoặc bảo trì. Các dịch vụ khác có thể "     \
             "vẫn hoạt động.",                                                                     \
             "The system behind this service is down or under maintenance. Other services may "    \
             "still work."),                                                                       \
        BOTH("Hãy thử lại sau ít phút.", "Try again in a few minutes."))                           \
    ROW(MAINTENANCE, maintenance, 503, NOTHING_FILED,                                              \
        BOTH("Hệ thống đang bảo trì", "Closed for maintenance"),                                   \
        BOTH("Hệ thống xử lý dịch vụ này tạm đóng để bảo trì. Các dịch vụ khác của Cổng vẫn hoạt " \
             "động bình thường.",                                                                  \
             "The system behind this service is closed for maintenance. All other services of "    \
             "the portal work as usual."),                                                         \
        BOTH("Xin quý vị quay lại sau.", "Please come back later."))                               \
    ROW(SESSION_UNAVAILABLE, session_unavailable, 503, UNKNOWN,                                    \
        BOTH("Chưa kiểm tra được phiên đăng nhập", "Your session cannot be checked right now"),    \
        BOTH("Hệ thống lưu phiên đăng nhập tạm thời không trả lời.",                               \
             "The system that keeps sessions does not answer for the moment."),                    \
        BOTH("Hãy đợi một lát rồi thử lại. Quý vị không cần đăng nhập lại nếu trang không yêu "    \
             "cầu.",                                                                               \
             "Wait a little, then try again. There is no need to sign in again unless the page "   \
             "asks you to."))                                                                      \
    ROW(UPLOADS_FULL, uploads_full, 503, NOTHING_FILED,                                            \
        BOTH("Đang có quá nhiều tệp được gửi lên", "Too many files are being sent right now"),     \
        BOTH("Chỗ chứa tạm cho các tệp đang gửi lên đã đầy, nên tệp này chưa được nhận.",          \
             "There is no room left for files on their way, so this one was not taken."),          \
        BOTH("Hãy giữ lại nội dung và gửi lại sau ít phút.",                                       \
             "Keep what you have prepared, and send it again in a few minutes."))                  \
    ROW(OVERLOADED, overloaded, 503, NOTHING_FILED,                         \
        BOTH("Hệ thống đang quá tải", "The system is very busy"),                                  \
        BOTH("Đang có rất nhiều người sử dụng cùng lúc nên yêu cầu này chưa được phục vụ.",        \
             "Very many people are using it right now, so this request could not be served."),     \
        BOTH("Hãy đợi một lát rồi thử lại.", "Wait a little, then try again."))
/* clang-format on */

#endif
