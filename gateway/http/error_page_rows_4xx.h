/* Answers to requests that the client has to mend, as error_page_table.h explains. */
#ifndef HTTP_ERROR_PAGE_ROWS_4XX_H
#define HTTP_ERROR_PAGE_ROWS_4XX_H

/* clang-format off */ /* it takes bytes for letters when it lines up the backslashes */
#define ERROR_PAGE_ROWS_4XX(ROW)                                                                     \
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
             "Delete the cookies of this site in your browser's settings, then try again."))
/* clang-format on */

#endif
