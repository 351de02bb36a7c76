import { CloseButton } from '@mantine/core'
import { isQuietNotice } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { IconInfoCircle } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'

/** Shows one-time notices, such as a settings file that was set aside. */
export function Notices({ notices }: { notices: AppState['notices'] }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  return notices.map(({ id, sentence }) => (
    <div key={id} className="notice" role="note" data-tone={isQuietNotice(sentence) ? 'good' : undefined}>
      <IconInfoCircle size={18} aria-hidden="true" />
      <span className="breakable">{say(sentence)}</span>
      <CloseButton
        size="sm"
        variant="transparent"
        aria-label={t('window.notice.dismiss')}
        onClick={() => run('dismissNotice', { id })}
      />
    </div>
  ))
}
