import { Button, Group } from '@mantine/core'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { nameProposed } from '../destinations/proposed-words.ts'
import { sayReceived } from './say-received.ts'

type Proposal = NonNullable<NonNullable<AppState['receiving']>['senders'][number]['proposal']>

interface ProposedLineProps {
  proposal: Proposal
  /** The computer's certificate. */
  fingerprint: string
}

/** Shows the settings that were last proposed to a computer, and its decision. */
export default function ProposedLine({ proposal, fingerprint }: ProposedLineProps) {
  const words = useWords()
  const { t } = words
  const { run } = useCommands()
  return (
    <div className="spread">
      <p className="dimmed breakable">
        {t(`window.propose.is.${proposal.state}`, { names: nameProposed(proposal.settings, words) })}{' '}
        <Ago at={proposal.decidedAt ?? proposal.at} isRough />
        {proposal.sentence !== null && ` · ${sayReceived(proposal.words, proposal.sentence, words)}`}
      </p>
      {proposal.state === 'waiting' && (
        <Group>
          <Button
            size="xs"
            variant="default"
            onClick={() =>
              run('withdrawProposals', { fingerprints: [fingerprint] }, 'window.propose.withdrawn')
            }
          >
            {t('window.propose.withdraw')}
          </Button>
        </Group>
      )}
    </div>
  )
}
