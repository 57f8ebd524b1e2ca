// SPDX-License-Identifier: LGPL-2.1-or-later
// The model that answers when none is named, on a frame of the sample: things and a drawing style
// that it was never trained on.
#include "model/engine/model.h"
#include "model/vision/image_file.h"
#include "tests/support/fixture.h"

namespace vlm {
namespace {

class Embedded : public ::testing::Test {
protected:
  std::string ask(const std::string &question) {
    Request request;
    request.images.push_back(load_image(test::data("../../pipelines/captioned.jpg")));
    request.question = question;
    return model_->generate(request).text;
  }
  std::shared_ptr<const Model> model_ = Model::load({});
};

TEST_F(Embedded, SeesReadsAndRefuses) {
  EXPECT_EQ(model_->info().template_name, "vlm_tiny");
  EXPECT_EQ(ask("What does the sign say?"), "The sign says STOP.");
  EXPECT_EQ(ask("What color is the square?"), "The square is blue.");
  EXPECT_EQ(ask("Is there a cat?"), "No, there is no cat.");
  EXPECT_NE(ask("What is in the picture?").find("blue square"), std::string::npos);
}

} // namespace
} // namespace vlm
