import { UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type ChannelType, catalog, channelTypes } from '../../../core/alerts/channels/catalog.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { IconChevronRight } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import type { Channel } from './channel-draft.ts'
import { ChannelForm } from './channel-form.tsx'
import { typeWord } from './channel-words.ts'

interface ChannelDialogProps {
  opened: boolean
  /** The channel to edit; null to add one. */
  channel: Channel | null
  /** Names of the channel's stored secrets. */
  stored: readonly string[]
  state: AppState
  onClose: () => void
}

/** Shows a dialog with a channel's form; for a new channel the type is chosen first. */
export function ChannelDialog({ opened, channel, stored, state, onClose }: ChannelDialogProps) {
  const { t } = useWords()
  const [type, setType] = useState<ChannelType | null>(null)
  const close = () => {
    setType(null)
    onClose()
  }
  const shown = channel?.type ?? type
  const title =
    channel !== null
      ? t('window.channel.editTitle', { name: channel.name })
      : type === null
        ? t('window.channel.addTitle')
        : typeWord(t, type)
  return (
    <FormDialog opened={opened} title={title} onClose={close}>
      {shown === null ? (
        <TypeList onChoose={setType} />
      ) : (
        <ChannelForm
          key={shown}
          type={shown}
          channel={channel}
          stored={stored}
          state={state}
          onBack={channel === null ? () => setType(null) : null}
          onDone={close}
        />
      )}
    </FormDialog>
  )
}

/** Lists the types that can be added; each type's form explains its requirements. */
function TypeList({ onChoose }: { onChoose: (type: ChannelType) => void }) {
  const { t } = useWords()
  return (
    <ul className="type-list">
      {channelTypes
        .filter((type) => catalog[type].isAddable)
        .map((type) => (
          <li key={type}>
            <UnstyledButton className="type-choice" onClick={() => onChoose(type)} data-autofocus>
              {typeWord(t, type)}
              <IconChevronRight size={16} aria-hidden="true" />
            </UnstyledButton>
          </li>
        ))}
    </ul>
  )
}
