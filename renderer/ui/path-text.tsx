import { Tooltip, UnstyledButton } from '@mantine/core'
import { splitPath } from '../format/path.ts'
import { useWords } from '../words/context.tsx'
import { useCopy } from './copy.ts'
import { MiddleText } from './middle-text.tsx'

interface PathTextProps {
  path: string
  /** Default: a press copies the path. */
  onPress?: (() => void) | undefined
}

/** Shows a path, cut in its middle if necessary; the full path on hover and focus. */
export function PathText({ path, onPress }: PathTextProps) {
  const { t } = useWords()
  const copy = useCopy()
  const { head, tail } = splitPath(path)
  const label = t(onPress === undefined ? 'window.path.copy' : 'window.file.whereIs', { path })
  return (
    <Tooltip
      label={<span className="path-whole">{path}</span>}
      position="bottom"
      events={{ hover: true, focus: true, touch: false }}
    >
      <UnstyledButton className="path" onClick={onPress ?? (() => copy(path))} aria-label={label}>
        <span className="path-head">{head}</span>
        <MiddleText text={tail} className="path-tail" />
      </UnstyledButton>
    </Tooltip>
  )
}
