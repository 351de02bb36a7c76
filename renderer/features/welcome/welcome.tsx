import { Button, Stack, Text, Title } from '@mantine/core'
import { useCommands } from '../../state/commands.tsx'
import { IconBell, IconFolderPlus, IconHeartbeat, IconServer } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'

const promises = [
  { icon: IconHeartbeat, word: 'window.welcome.check' },
  { icon: IconServer, word: 'window.welcome.ship' },
  { icon: IconBell, word: 'window.welcome.tell' },
] as const

/** The overview before the first directory: what Holdfast will do, and the one button that begins it. */
export function Welcome() {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <section className="welcome" aria-label={t('window.welcome.title')}>
      <Title order={2} size="h3">
        {t('window.welcome.title')}
      </Title>
      <Stack gap="sm" my="md">
        {promises.map(({ icon: Icon, word }) => (
          <div key={word} className="welcome-line">
            <Icon size={20} stroke={1.7} aria-hidden="true" />
            <Text size="md">{t(word)}</Text>
          </div>
        ))}
      </Stack>
      <Button
        fullWidth
        size="md"
        leftSection={<IconFolderPlus size={20} />}
        onClick={() => run('chooseSource', {})}
      >
        {t('window.addDirectory')}
      </Button>
      <Text size="sm" c="dimmed" ta="center" mt={8}>
        {t('window.drop.hint')}
      </Text>
    </section>
  )
}
