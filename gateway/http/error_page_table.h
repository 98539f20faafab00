/* Every answer that the gateway makes by itself, one row each: the only place for its status and
 * texts. A new reason is a new row.
 *
 * ROW(ID, name, status, outcome, title, happened, next) where
 *   name      is what logs, metrics and JSON call it;
 *   outcome   says what is known about the request: NOTHING_FILED, or UNKNOWN where a processing
 *             system may have acted on it although no answer came;
 *   title, happened and next are for citizens, each as BOTH(Vietnamese, English), in plain text
 *             without < > & or quotation marks, since they are written as they stand. */
#ifndef HTTP_ERROR_PAGE_TABLE_H
#define HTTP_ERROR_PAGE_TABLE_H

/* clang-format off */ /* it takes bytes for letters when it lines up the backslashes */
#define ERROR_PAGE_TABLE(ROW)                                                                      \
    ROW(BAD_REQUEST, bad_request, 400, NOTHING_FILED,                               \
        BOTH("Yêu cầu không hợp lệ", "The request could not be understood"),                       \
        BOTH("Trình duyệt hoặc ứng dụng đã gửi một yêu cầu không đúng quy cách.",                  \
             "Your browser or app sent a request that does not follow the rules of the web."),     \
        BOTH("Hãy quay lại trang trước, tải lại trang rồi thử lại. Nếu vẫn gặp lỗi, hãy thử "      \
             "trình duyệt khác.",                                                                  \
             "Go back, reload the page and try again. If it keeps happening, try another "         \
             "browser."))                                                                          \
    ROW(SESSION_REQUIRED, session_required, 401, NOTHING_FILED,                                    \
        BOTH("Quý vị cần đăng nhập", "You need to sign in"),                                       \
        BOTH("Trang này chỉ dành cho người đã đăng nhập. Phiên đăng nhập của quý vị chưa có, "     \
             "hoặc đã hết hạn.",                                                                   \
             "This page is for people who are signed in. You are not yet, or your session is "     \
             "over."),                                                                             \
        BOTH("Hãy đăng nhập từ trang chủ rồi mở lại trang này.",                                   \
             "Sign in from the home page, then open this page again."))                            \
    ROW(NO_ROUTE, no_route, 404, NOTHING_FILED,                                       \
        BOTH("Không tìm thấy trang", "Page not found"),                                            \
        BOTH("Không có trang nào ở địa chỉ này.", "There is no page at this address."),            \
        BOTH("Hãy kiểm tra lại địa chỉ, hoặc bắt đầu từ trang chủ.",                               \
             "Check the address, or start from the home page."))                                   \
    ROW(METHOD_NOT_ALLOWED, method_not_allowed, 405, NOTHING_FILED,          \
        BOTH("Thao tác không được hỗ trợ", "This action is not available here"),                   \
        BOTH("Địa chỉ này không nhận loại yêu cầu vừa được gửi.",                                  \
             "This address does not accept the kind of request that was sent."),                   \
        BOTH("Hãy quay lại trang trước và dùng các nút hoặc biểu mẫu trên trang đó.",              \
             "Go back and use the buttons or forms on that page."))                                \
    ROW(REQUEST_TIMEOUT, request_timeout, 408, NOTHING_FILED,                   \
        BOTH("Yêu cầu được gửi đến quá chậm", "The request took too long to arrive"),              \
        BOTH("Yêu cầu chưa đến đủ trong thời gian chờ, có thể do mạng yếu hoặc bị ngắt.",          \
             "It did not arrive in full in time, perhaps because the connection is weak or was "   \
             "interrupted."),                                                                      \
        BOTH("Hãy kiểm tra kết nối mạng rồi gửi lại.",                                             \
             "Check your connection, then send it again."))                                        \
    ROW(BODY_TOO_LARGE, body_too_large, 413, NOTHING_FILED,                   \
        BOTH("Tệp gửi lên quá lớn", "The upload is too large"),                                    \
        BOTH("Dữ liệu hoặc tệp đính kèm vượt quá dung lượng cho phép.",                            \
             "The data or the attached files are larger than this service accepts."),              \
        BOTH("Hãy giảm dung lượng, ví dụ quét ở độ phân giải thấp hơn hoặc chia thành nhiều "      \
             "tệp, rồi gửi lại.",                                                                  \
             "Make them smaller, for example by scanning at a lower resolution or by splitting "   \
             "them into several files, then send again."))                                         \
    ROW(TARGET_TOO_LONG, target_too_long, 414, NOTHING_FILED,                      \
        BOTH("Địa chỉ quá dài", "The address is too long"),                                        \
        BOTH("Địa chỉ của trang dài hơn mức cho phép.",                                            \
             "The address of the page is longer than is accepted."),                               \
        BOTH("Hãy kiểm tra lại đường liên kết, hoặc bắt đầu từ trang chủ.",                        \
             "Check the link, or start from the home page."))                                      \
    ROW(EXPECTATION_FAILED, expectation_failed, 417, NOTHING_FILED,          \
        BOTH("Điều kiện gửi kèm không được hỗ trợ", "The app expects something unsupported"),      \
        BOTH("Ứng dụng đã gửi một điều kiện mà máy chủ không đáp ứng được.",                       \
             "The app sent a condition that this server cannot meet."),                            \
        BOTH("Hãy cập nhật ứng dụng, hoặc mở trang này bằng trình duyệt web.",                     \
             "Update the app, or open this page in a web browser."))                               \
    ROW(TOO_MANY_REQUESTS, too_many_requests, 429, NOTHING_FILED,             \
        BOTH("Có quá nhiều yêu cầu", "Too many requests"),                                         \
        BOTH("Trong thời gian ngắn đã có quá nhiều yêu cầu từ thiết bị hoặc mạng của quý vị.",     \
             "Too many requests came from your device or network in a short time."),               \
        BOTH("Hãy đợi một lát rồi thử lại.", "Wait a little, then try again."))                    \
    ROW(HEAD_TOO_LARGE, head_too_large, 431, NOTHING_FILED,     \
        BOTH("Thông tin trình duyệt gửi kèm quá lớn", "Your browser sent too much information"),   \
        BOTH("Yêu cầu mang theo quá nhiều thông tin, thường là do cookie cũ tích lại.",            \
             "The request carries too much extra information, usually old cookies."),              \
        BOTH("Hãy xóa cookie của trang này trong phần cài đặt trình duyệt rồi thử lại.",           \
             "Delete the cookies of this site in your browser's settings, then try again."))       \
    ROW(UPSTREAM_CONNECT, upstream_connect, 502, UNKNOWN,                           \
        BOTH("Chưa kết nối được với hệ thống xử lý", "The processing system cannot be reached"),   \
        BOTH("Cổng vẫn hoạt động, nhưng hệ thống xử lý dịch vụ này không nhận kết nối.",           \
             "The portal is working, but the system behind this service does not accept "          \
             "connections."),                                                                      \
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
    ROW(UNAVAILABLE, unavailable, 503, NOTHING_FILED,                       \
        BOTH("Dịch vụ tạm thời gián đoạn", "The service is unavailable for now"),                  \
        BOTH("Hệ thống xử lý dịch vụ này đang tạm dừng hoặc bảo trì. Các dịch vụ khác có thể "     \
             "vẫn hoạt động.",                                                                     \
             "The system behind this service is down or under maintenance. Other services may "    \
             "still work."),                                                                       \
        BOTH("Hãy thử lại sau ít phút.", "Try again in a few minutes."))                           \
    ROW(SESSION_UNAVAILABLE, session_unavailable, 503, UNKNOWN,                                    \
        BOTH("Chưa kiểm tra được phiên đăng nhập", "Your session cannot be checked right now"),    \
        BOTH("Hệ thống lưu phiên đăng nhập tạm thời không trả lời.",                               \
             "The system that keeps sessions does not answer for the moment."),                    \
        BOTH("Hãy đợi một lát rồi thử lại. Quý vị không cần đăng nhập lại nếu trang không yêu "    \
             "cầu.",                                                                               \
             "Wait a little, then try again. There is no need to sign in again unless the page "   \
             "asks you to."))                                                                      \
    ROW(OVERLOADED, overloaded, 503, NOTHING_FILED,                         \
        BOTH("Hệ thống đang quá tải", "The system is very busy"),                                  \
        BOTH("Đang có rất nhiều người sử dụng cùng lúc nên yêu cầu này chưa được phục vụ.",        \
             "Very many people are using it right now, so this request could not be served."),     \
        BOTH("Hãy đợi một lát rồi thử lại.", "Wait a little, then try again."))
/* clang-format on */

#endif
