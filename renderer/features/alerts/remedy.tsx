import { findMount, listRemedyCommands } from '../../../core/agent/state/remedy.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useView } from '../../state/bridge.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { useWords } from '../../words/context.tsx'

/** Shows the commands that find or repair a failure, collapsed, to be copied; nothing where none helps. */
export function RemedyCommands({ sentence }: { sentence: Message }) {
  const { t } = useWords()
  const { snapshot } = useView()
  // The commands are those of Linux.
  if (snapshot === null || !/linux/i.test(navigator.userAgent)) return null
  const commands = listRemedyCommands(sentence, findMount(snapshot.state, String(sentence.params.path)))
  if (commands.length === 0) return null
  return (
    <details className="folded">
      <summary>{t('window.remedy.title')}</summary>
      {commands.map((command) => (
        <Copyable key={command} text={command} label="window.pair.copy" done="window.pair.copied" />
      ))}
    </details>
  )
}
