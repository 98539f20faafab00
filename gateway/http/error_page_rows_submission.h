/* Rows of error_page_table.h: what is said of submissions, whatever the status. */
#ifndef HTTP_ERROR_PAGE_ROWS_SUBMISSION_H
#define HTTP_ERROR_PAGE_ROWS_SUBMISSION_H

/* clang-format off */ /* it takes bytes for letters when it lines up the backslashes */
#define ERROR_PAGE_ROWS_SUBMISSION(ROW)                                                            \
    ROW(SUBMISSION_KEY, submission_key, 400, NOT_THIS_TIME,                                        \
        BOTH("Biểu mẫu không còn dùng được", "This form can no longer be used"),                   \
        BOTH("Yêu cầu nộp hồ sơ không kèm mã chống nộp trùng hợp lệ, có thể vì biểu mẫu đã mở "    \
             "quá lâu.",                                                                           \
             "The submission carries no valid key against filing twice, perhaps because the form " \
             "was open for too long."),                                                            \
        BOTH("Hãy mở lại biểu mẫu, điền và nộp lại.",                                              \
             "Open the form again, fill it in and send it."))                                      \
    ROW(SUBMISSION_UNDER_WAY, submission_under_way, 409, UNDER_WAY,                                \
        BOTH("Hồ sơ đang được xử lý", "Your submission is being processed"),                       \
        BOTH("Hồ sơ này đã được gửi trước đó và đang chờ kết quả.",                                \
             "It was sent before, and its answer has not come yet."),                              \
        BOTH("Hãy đợi một lát rồi gửi lại đúng biểu mẫu này để xem kết quả.",                      \
             "Wait a little, then send this same form again to see the answer."))                  \
    ROW(SUBMISSION_UNKNOWN, submission_unknown, 409, UNKNOWN,                                      \
        BOTH("Hồ sơ đang được xác minh", "Your submission is being verified"),                     \
        BOTH("Hồ sơ này đã được chuyển đi, nhưng kết nối bị ngắt trước khi có kết quả.",           \
             "It was passed on, but the connection broke before there was an answer."),            \
        BOTH("Xin đừng nộp lại. Hãy tra cứu tình trạng, hoặc đọc mã tham chiếu cho bộ phận hỗ "    \
             "trợ.",                                                                               \
             "Please do not file again. Check its status, or quote the reference when you ask for "\
             "help."))                                                                             \
    ROW(SUBMISSION_VERIFYING, submission_verifying, 202, UNKNOWN,                                  \
        BOTH("Hồ sơ đang được xác minh", "Your submission is being verified"),                     \
        BOTH("Hồ sơ đã được chuyển đi, nhưng kết nối bị ngắt trước khi có kết quả.",               \
             "It was passed on, but the connection broke before there was an answer."),            \
        BOTH("Xin đừng nộp lại. Hãy tra cứu tình trạng, hoặc đọc mã tham chiếu cho bộ phận hỗ "    \
             "trợ.",                                                                               \
             "Please do not file again. Check its status, or quote the reference when you ask for "\
             "help."))                                                                             \
    ROW(SUBMISSION_RESEND, submission_resend, 503, UNKNOWN,                                        \
        BOTH("Hãy gửi lại biểu mẫu này", "Please send this form again"),                           \
        BOTH("Kết nối với hệ thống xử lý bị ngắt trước khi có kết quả.",                           \
             "The connection to the processing system broke before there was an answer."),         \
        BOTH("Gửi lại đúng biểu mẫu này là an toàn: hồ sơ không bị nộp hai lần.",                  \
             "Sending this same form again is safe: it is not filed twice."))                      \
    ROW(SUBMISSION_MISMATCH, submission_mismatch, 422, NOT_THIS_TIME,                              \
        BOTH("Biểu mẫu này đã được dùng", "This form has been used"),                              \
        BOTH("Mã của biểu mẫu đã dùng cho một hồ sơ có nội dung khác, hoặc của người khác.",       \
             "Its key belongs to a submission with other content, or of somebody else."),          \
        BOTH("Hãy mở một biểu mẫu mới nếu quý vị muốn nộp một hồ sơ khác.",                        \
             "Open a new form if you want to file something else."))                               \
    ROW(SUBMISSION_ANSWERED, submission_answered, 200, ANSWERED,                                   \
        BOTH("Hồ sơ đã có kết quả", "Your submission has been answered"),                          \
        BOTH("Hệ thống xử lý đã trả lời hồ sơ này.",                                               \
             "The processing system has answered it."),                                            \
        BOTH("Hãy tra cứu hồ sơ trên cổng để xem chi tiết.",                                       \
             "Look it up on the portal to see the details."))                                      \
    ROW(SUBMISSION_NOT_KNOWN, submission_not_known, 404, UNKNOWN,                                  \
        BOTH("Không tìm thấy hồ sơ", "No such submission"),                                        \
        BOTH("Không có hồ sơ nào được ghi nhận ở địa chỉ này, hoặc thời gian lưu đã hết.",         \
             "None is known at this address, or it was too long ago."),                            \
        BOTH("Hãy tra cứu hồ sơ trên cổng.", "Look it up on the portal."))                         \
    ROW(SUBMISSION_UNAVAILABLE, submission_unavailable, 503, NOTHING_FILED,                        \
        BOTH("Chưa nhận được hồ sơ lúc này", "Submissions cannot be taken right now"),             \
        BOTH("Hồ sơ chưa được chuyển đi. Hệ thống tạm thời chưa thể nhận hồ sơ một cách an toàn.", \
             "It was not passed on: for the moment it could not be done safely."),                 \
        BOTH("Hãy giữ biểu mẫu này và gửi lại sau ít phút.",                                       \
             "Keep this form and send it again in a few minutes."))                                \
    ROW(SUBMISSION_UNCHECKED, submission_unchecked, 503, NOT_THIS_TIME,                            \
        BOTH("Chưa nhận được hồ sơ lúc này", "Submissions cannot be taken right now"),             \
        BOTH("Hệ thống tạm thời chưa thể nhận hồ sơ một cách an toàn.",                            \
             "For the moment submissions cannot be taken safely."),                                \
        BOTH("Hãy giữ đúng biểu mẫu này và gửi lại sau ít phút: hồ sơ không bị nộp hai lần.",      \
             "Keep this same form and send it again in a few minutes: it is not filed twice."))
/* clang-format on */

#endif
