// A page's own code, as it might have been before: no word of the mixnet.
const element = (id) => document.getElementById(id);

export function showContent({ image, url }) {
  element('content').append(element('unchanged').content.cloneNode(true));
  element('image').src = image;
  element('url').value = url;
  element('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      const response = await fetch(element('url').value);
      element('text').textContent = `${response.status}\n${await response.text()}`;
    } catch (error) {
      element('text').textContent = `failed: ${error.message}`;
    }
  });
}
