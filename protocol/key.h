// Key: the renderer of values of the collection `key`, for other files of rows.
#pragma once

#include "protocol/answer.h"

answer_render render_value; // a bulk or nil; of a memo only the value is shown
