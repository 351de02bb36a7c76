import { CloseButton } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { useCommands } from '../../state/commands.tsx'
import { IconCheck, IconInfoCircle } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'

/** Milliseconds until a success message disappears. A refusal stays until the user's next action elsewhere. */
const successStaysMs = 4000

/** Shows the result of the user's last action; the newest replaces an older one. */
export function FeedbackBar() {
  const { t, say } = useWords()
  const { feedback, dismiss } = useCommands()
  const place = useRef<HTMLDivElement>(null)

  useEffect(() => {
    if (feedback === null) return
    if (feedback.tone === 'done') {
      const timer = setTimeout(dismiss, successStaysMs)
      return () => clearTimeout(timer)
    }
    // A key that presses a button is a click, too.
    const clicked = ({ target }: MouseEvent) => {
      if (target instanceof Node && place.current?.contains(target) !== true) dismiss()
    }
    document.addEventListener('click', clicked)
    return () => document.removeEventListener('click', clicked)
  }, [feedback, dismiss])

  return (
    <div ref={place} className="feedback-place" role="alert">
      {feedback !== null && (
        <div className="feedback" data-tone={feedback.tone}>
          {feedback.tone === 'done' ? <IconCheck size={18} /> : <IconInfoCircle size={18} />}
          <span className="breakable">{say(feedback.sentence)}</span>
          <CloseButton size="sm" variant="transparent" onClick={dismiss} aria-label={t('window.close')} />
        </div>
      )}
    </div>
  )
}
