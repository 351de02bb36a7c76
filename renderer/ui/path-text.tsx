import { Tooltip, UnstyledButton } from '@mantine/core'
import { message } from '../../core/lib/i18n/message.ts'
import { splitPath } from '../format/path.ts'
import { useCommands } from '../state/commands.tsx'
import { useWords } from '../words/context.tsx'
import { copyText } from './copy.ts'
import { MiddleText } from './middle-text.tsx'

/** Shows a path, cut in its middle if necessary; the full path on hover and focus; a press copies it. */
export function PathText({ path }: { path: string }) {
  const { t } = useWords()
  const { tell } = useCommands()
  const { head, tail } = splitPath(path)

  const copy = async () => {
    if (await copyText(path)) tell('done', message('window.path.copied', { path }))
    else tell('refused', message('window.path.notCopied', { path }))
  }

  return (
    <Tooltip
      label={<span className="path-whole">{path}</span>}
      position="bottom"
      events={{ hover: true, focus: true, touch: false }}
    >
      <UnstyledButton className="path" onClick={copy} aria-label={t('window.path.copy', { path })}>
        <span className="path-head">{head}</span>
        <MiddleText text={tail} className="path-tail" />
      </UnstyledButton>
    </Tooltip>
  )
}
