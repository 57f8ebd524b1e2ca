// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/conversation_templates.h"

namespace vlm {
namespace {

const char *const kCuriousHuman =
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the human's questions.";
const char *const kCuriousUser =
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions.";
const char *const kTagged =
    "A chat between a curious user and an artificial intelligence assistant. The assistant is able "
    "to understand the visual content that the user provides, and assist the user with a variety "
    "of tasks using natural language.The visual content will be provided with the following "
    "format: <Image>visual content</Image>.";
const char *const kLanguageAndVision =
    "You are a helpful language and vision assistant. You are able to understand the visual "
    "content that the user provides, and assist the user with a variety of tasks using natural "
    "language.";
const char *const kHonest =
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, "
    "while being safe.  Your answers should not include any harmful, unethical, racist, sexist, "
    "toxic, dangerous, or illegal content. Please ensure that your responses are socially unbiased "
    "and positive in nature.\n\nIf a question does not make any sense, or is not factually "
    "coherent, explain why instead of answering something not correct. If you don't know the "
    "answer to a question, please don't share false information.";
const char *const kHonestBrief = "A conversation between a user and an LLM-based AI assistant. The "
                                 "assistant gives helpful and honest answers.";

ConversationTemplate single(const char *name, const char *system) {
  return {name, TemplateStyle::Single, "", system, "Human", "Assistant", "###", ""};
}

ConversationTemplate two(const char *name, const char *system, const char *end = "</s>") {
  return {name, TemplateStyle::Two, "", system, "USER", "ASSISTANT", " ", end};
}

ConversationTemplate llama_2(const char *name, const char *system) {
  return {name, TemplateStyle::Llama2, "", system, "USER", "ASSISTANT", "<s>", "</s>"};
}

ConversationTemplate chatml(const char *name, const char *system) {
  return {name,
          TemplateStyle::Direct,
          "<|im_start|>system\n",
          system,
          "<|im_start|>user\n",
          "<|im_start|>assistant\n",
          "<|im_end|>",
          ""};
}

// The assistant's header says "system": the released models were trained so.
ConversationTemplate llama_3() {
  const char *const system = "<|start_header_id|>system<|end_header_id|>\n\n";
  const char *const user = "<|start_header_id|>user<|end_header_id|>\n\n";
  return {"llama_3", TemplateStyle::Direct, system, kLanguageAndVision, user,
          system,    "<|eot_id|>",          ""};
}

} // namespace

const std::vector<ConversationTemplate> &conversation_templates() {
  static const std::vector<ConversationTemplate> all = {
      single("default", kCuriousHuman),
      single("v0", kCuriousHuman),
      two("v1", kCuriousUser),
      two("vicuna_v1", kCuriousUser),
      two("phi_2", kCuriousUser, "<|endoftext|>"),
      {"gemma", TemplateStyle::Gemma, "", "", "user", "model", "", "<eos>"},
      llama_2("llama_2", kHonest),
      llama_3(),
      two("imgsp_v1", kCuriousUser),
      llama_2("mistral_instruct", ""),
      chatml("chatml_direct", "Answer the questions."),
      chatml("mistral_direct", "Answer the questions."),
      {"plain", TemplateStyle::Plain, "", "", "", "", "\n", ""},
      {"v0_plain", TemplateStyle::Plain, "", "", "", "", "\n", ""},
      single("llava_v0", kCuriousHuman),
      single("v0_mmtag", kTagged),
      two("llava_v1", kCuriousHuman),
      two("v1_mmtag", kTagged),
      llama_2("llava_llama_2", kLanguageAndVision),
      chatml("mpt", kHonestBrief),
      {"vlm_tiny", TemplateStyle::Tiny, "", "", "USER:", "ASSISTANT:", " ", "</s>"},
  };
  return all;
}

} // namespace vlm
