import { ActionIcon, Code, Group } from '@mantine/core'
import { message, type WordKey } from '../../core/lib/i18n/message.ts'
import { useWords } from '../words/context.tsx'
import { useCopy } from './copy.ts'
import { IconCopy } from './icons.ts'

interface CopyableProps {
  text: string
  /** Label of the button, and the message after it was pressed. */
  label: WordKey
  done: WordKey
}

/** Shows a text to be copied, such as a command or an address: the window itself opens no links. */
export function Copyable({ text, label, done }: CopyableProps) {
  const { t } = useWords()
  const copy = useCopy()
  return (
    <Group gap={4} wrap="nowrap">
      <Code block flex={1} miw={0} className="command selectable">
        {text}
      </Code>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={t(label)}
        title={t(label)}
        onClick={() => copy(text, message(done))}
      >
        <IconCopy size={17} />
      </ActionIcon>
    </Group>
  )
}
