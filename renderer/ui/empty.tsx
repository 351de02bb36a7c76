import { Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** An empty state: explains what will appear here, and how. */
export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <Stack align="center" gap={6} py="xl" px="md" ta="center" className="empty">
      <span className="empty-icon" aria-hidden="true">
        {icon}
      </span>
      <Text fw={600}>{title}</Text>
      <Text c="dimmed" size="sm" maw={300} component="div">
        {children}
      </Text>
    </Stack>
  )
}
