/** Single icon modules have no types; the package's root has them, but would load all icons. */
declare module '@tabler/icons-react/dist/esm/icons/*' {
  const icon: import('@tabler/icons-react').Icon
  export default icon
}
