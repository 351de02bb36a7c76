import { CloseButton } from '@mantine/core'
import { useEffect } from 'react'
import { useCommands } from '../../state/commands.tsx'
import { IconCheck, IconInfoCircle } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'

/** Milliseconds until a success message disappears. A refusal stays until it is closed or replaced. */
const successStaysMs = 4000

/** Shows the result of the user's last action; the newest replaces an older one. */
export function FeedbackBar() {
  const { t, say } = useWords()
  const { feedback, dismiss } = useCommands()

  useEffect(() => {
    if (feedback?.tone !== 'done') return
    const timer = setTimeout(dismiss, successStaysMs)
    return () => clearTimeout(timer)
  }, [feedback, dismiss])

  return (
    <div className="feedback-place" role="alert">
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
