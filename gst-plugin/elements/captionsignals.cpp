// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/elements/captionsignals.h"

namespace gstvlm
{
namespace
{

enum {
  SIGNAL_CAPTION,
  SIGNAL_ASK,
  SIGNAL_ASK_AT,
  SIGNAL_CANCEL,
  SIGNAL_ANSWER,
  LAST_SIGNAL
};
guint signals[LAST_SIGNAL];

} // namespace

void
install_signals (GstVlmCaptionClass * klass, const CaptionActions &actions)
{
  /**
   * GstVlmCaption::caption:
   * @caption: the element
   * @record: a #GstStructure with the fields of the caption record
   *
   * Every record, in order. Emitted on a thread of the model or of the stream,
   * which waits for the handlers: be brief.
   *
   * Since: 0.1
   */
  signals[SIGNAL_CAPTION] =
      g_signal_new ("caption", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
          NULL, NULL, NULL, G_TYPE_NONE, 1, GST_TYPE_STRUCTURE);

  /**
   * GstVlmCaption::ask:
   * @caption: the element
   * @question: what to ask about the newest frame, used byte for byte
   *
   * Action signal, for any thread. Does not wait for the model; it takes as
   * long as the conversion of a picture.
   *
   * Returns: the id that the answer will have; 0 when the question is refused,
   * and a warning tells why
   *
   * Since: 0.1
   */
  signals[SIGNAL_ASK] =
      g_signal_new_class_handler ("ask", G_TYPE_FROM_CLASS (klass),
          static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
          G_CALLBACK (actions.ask), NULL, NULL, NULL, G_TYPE_UINT64, 1,
          G_TYPE_STRING);

  /**
   * GstVlmCaption::ask-at:
   * @caption: the element
   * @question: what to ask
   * @pts: about which moment
   *
   * As #GstVlmCaption::ask, about the picture that #GstVlmCaption:look-back
   * kept at that PTS or last before it; the record says which in `pts` and
   * `frames`.
   *
   * Returns: the id; 0 when the question is refused, also because that moment
   * is not kept (any more)
   *
   * Since: 0.1
   */
  signals[SIGNAL_ASK_AT] =
      g_signal_new_class_handler ("ask-at", G_TYPE_FROM_CLASS (klass),
          static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
          G_CALLBACK (actions.ask_at), NULL, NULL, NULL, G_TYPE_UINT64, 2,
          G_TYPE_STRING, G_TYPE_UINT64);

  /**
   * GstVlmCaption::cancel:
   * @caption: the element
   * @id: of a question
   *
   * Action signal, for any thread: gives a question up, which is told as its
   * answer. One that was answered already is left alone.
   *
   * Since: 0.1
   */
  signals[SIGNAL_CANCEL] =
      g_signal_new_class_handler ("cancel", G_TYPE_FROM_CLASS (klass),
          static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
          G_CALLBACK (actions.cancel), NULL, NULL, NULL, G_TYPE_NONE, 1,
          G_TYPE_UINT64);

  /**
   * GstVlmCaption::answer:
   * @caption: the element
   * @id: what #GstVlmCaption::ask returned
   * @text: the answer; empty when there is none, see the message
   *
   * What became of a question: exactly once for each. Emitted on a thread of
   * the model, of the stream or of whoever cancels, which waits for the
   * handlers: be brief. They may ask and cancel.
   *
   * Since: 0.1
   */
  signals[SIGNAL_ANSWER] =
      g_signal_new ("answer", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
          NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT64, G_TYPE_STRING);
}

void
emit_caption (GstVlmCaption * self, const GstStructure * record)
{
  g_signal_emit (self, signals[SIGNAL_CAPTION], 0, record);
}

void
emit_answer (GstVlmCaption * self, guint64 id, const gchar * text)
{
  g_signal_emit (self, signals[SIGNAL_ANSWER], 0, id, text);
}

} // namespace gstvlm
