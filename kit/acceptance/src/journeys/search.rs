//! Searching products: every word of `q` must be a prefix of a word of the product.

use anyhow::{Result, ensure};
use shop_client::model::{NewProduct, Product};
use shop_client::{Request, new_key};

use crate::World;
use crate::world::{new_product, unique_word};

journeys![
    a_product_is_found_by_a_word_of_its_name_or_description,
    every_word_of_the_search_must_match,
    a_search_ignores_case,
    a_prefix_of_a_word_matches,
    a_search_distinguishes_accents,
    a_run_of_a_script_without_spaces_is_one_word,
    other_characters_separate_words,
    search_operators_of_the_database_have_no_effect,
    a_search_without_words_lists_every_product,
    a_changed_product_is_found_only_by_its_new_words,
    a_search_is_at_most_a_hundred_characters,
    a_search_finds_every_unicode_form_of_a_word,
    a_word_keeps_its_combining_marks,
];

async fn finds(world: &World, search: &str, product: &Product) -> Result<bool> {
    let page = world.shop.list_products(Some(search), Some(100), None).await?;
    Ok(page.items.iter().any(|found| found.id == product.id))
}

/// Adds a product and checks for each search whether it finds the product. `WORD` is replaced by a unique word.
async fn ensure_searches(
    world: &World,
    name: &str,
    description: &str,
    expected: &[(&str, bool)],
) -> Result<()> {
    let rare = unique_word();
    let named = new_product(&name.replace("WORD", &rare), 1);
    let product = NewProduct { description: description.replace("WORD", &rare), ..named };
    let product = world.staff().await?.add_product(&new_key(), &product).await?;
    for (search, found) in expected {
        let search = search.replace("WORD", &rare);
        ensure!(finds(world, &search, &product).await? == *found, "expected `{search}` to find it: {found}");
    }
    Ok(())
}

async fn a_product_is_found_by_a_word_of_its_name_or_description(world: World) -> Result<()> {
    ensure_searches(&world, "WORD", "", &[("WORD", true)]).await?;
    ensure_searches(&world, "Tea", "black, from WORD", &[("WORD", true)]).await
}

async fn every_word_of_the_search_must_match(world: World) -> Result<()> {
    let expected =
        [("WORD tea black", true), ("black WORD", true), ("WORD tea green", false), ("WORD WORD", true)];
    ensure_searches(&world, "WORD Tea", "black, loose", &expected).await
}

async fn a_search_ignores_case(world: World) -> Result<()> {
    let expected = [("WORD ÄRMEL", true), ("WORD москва", true), ("WORD ärmel МОСКВА", true)];
    ensure_searches(&world, "WORD Ärmel", "Москва", &expected).await?;
    let product = world.product_named("UPPER lower", 1).await?;
    ensure!(finds(&world, "upper LOWER", &product).await?);
    Ok(())
}

async fn a_prefix_of_a_word_matches(world: World) -> Result<()> {
    let expected = [("WORD teap", true), ("WORD t", true), ("WORD eapot", false), ("WORD teapots", false)];
    ensure_searches(&world, "WORDtail teapot", "", &expected).await
}

async fn a_search_distinguishes_accents(world: World) -> Result<()> {
    let expected = [("WORD résumé", true), ("WORD RÉSUMÉ", true), ("WORD resume", false)];
    ensure_searches(&world, "WORD résumé", "", &expected).await
}

async fn a_run_of_a_script_without_spaces_is_one_word(world: World) -> Result<()> {
    let expected = [
        ("WORD 急須", true),
        ("WORD 急須と茶碗", true),
        ("WORD 茶碗", false),
        ("WORD ชาเขียว", true),
        ("WORD हिन्दी", true),
    ];
    ensure_searches(&world, "WORD 急須と茶碗", "ชาเขียว हिन्दी", &expected).await
}

async fn other_characters_separate_words(world: World) -> Result<()> {
    let expected = [
        ("WORD-tea", true),
        ("\"WORD tea\"", true),
        ("tea,WORD!", true),
        ("WORD 🫖 tea", true),
        ("\"WORD", true),
        ("(WORD", true),
        ("WORD's", false),
        ("WORD_blue", true),
        ("WORD blue", true),
        ("{WORD}: ^tea* + blue", true),
        ("100% WORD", false),
        ("WORD\\tea", true),
    ];
    ensure_searches(&world, "WORD_blue tea-pot", "", &expected).await
}

async fn search_operators_of_the_database_have_no_effect(world: World) -> Result<()> {
    let expected = [
        ("WORD*", true),
        ("*WORD", true),
        ("-WORD", true),
        ("WORD OR coffee", false),
        ("WORD AND tea", false),
        ("WORD NOT coffee", false),
        ("NEAR(WORD tea)", false),
        ("NEAR(WORD tea, 5)", false),
        ("name:WORD", false),
        ("name : WORD", false),
    ];
    ensure_searches(&world, "WORD tea", "", &expected).await?;
    ensure_searches(&world, "Near or not and WORD", "", &[("NEAR(WORD)", true), ("WORD AND NOT OR", true)])
        .await
}

async fn a_search_without_words_lists_every_product(world: World) -> Result<()> {
    let product = world.product(1).await?;
    for search in ["", " ", "!!!", "\"", "* - ( ) :", "🫖", "%", "_"] {
        ensure!(
            finds(&world, search, &product).await?,
            "`{search}` contains no word, but did not list everything"
        );
    }
    Ok(())
}

async fn a_changed_product_is_found_only_by_its_new_words(world: World) -> Result<()> {
    let (old, new) = (unique_word(), unique_word());
    let product = world.product_named(&old, 1).await?;
    let change = shop_client::model::ProductChange { name: Some(new.clone()), ..Default::default() };
    world.staff().await?.change_product(product.id, &change).await?;
    ensure!(finds(&world, &new, &product).await? && !finds(&world, &old, &product).await?);
    Ok(())
}

async fn a_search_is_at_most_a_hundred_characters(world: World) -> Result<()> {
    let rare = unique_word();
    let longest = format!("{rare} {}", "🫖".repeat(99 - rare.len()));
    let product = world.product_named(&rare, 1).await?;
    ensure!(finds(&world, &longest, &product).await?, "the limit must count characters, not bytes");
    for search in [format!("q={}", "a".repeat(101)), "q=tea%00pot".to_owned()] {
        let response = world.shop.send(Request::get(format!("/products?{search}"))).await?;
        ensure!(response.status == 422, "{search} returned {}", response.status);
    }
    Ok(())
}

async fn a_search_finds_every_unicode_form_of_a_word(world: World) -> Result<()> {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    for (name, search) in [(composed, decomposed), (decomposed, composed)] {
        ensure_searches(&world, &format!("WORD {name}"), "", &[(&format!("WORD {search}"), true)]).await?;
    }
    let expected = [
        ("WORD \u{ff54}\u{ff45}\u{ff41}", true),
        ("WORD STRASSE", true),
        ("WORD office", true),
        ("WORD cafe", false),
    ];
    ensure_searches(&world, "WORD tea stra\u{df}e", "o\u{fb03}ce caf\u{e9}", &expected).await
}

async fn a_word_keeps_its_combining_marks(world: World) -> Result<()> {
    // \u{92f}\u{940} and the other vowel signs are marks, not letters; without them these are other words.
    let (hindi, nepali, thai) = (
        "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
        "\u{928}\u{947}\u{92a}\u{93e}\u{932}\u{940}",
        "\u{e19}\u{e49}\u{e33}",
    );
    let expected = [
        (format!("WORD {hindi}"), true),
        (format!("WORD {nepali}"), true),
        (format!("WORD {thai}"), true),
        ("WORD \u{926}\u{940}".to_owned(), false), // the end of the Hindi word
        ("WORD \u{939}\u{928}".to_owned(), false), // its consonants without the vowel sign
        ("WORD \u{928}\u{92a}\u{932}".to_owned(), false), // the consonants of the Nepali word
    ];
    let expected: Vec<_> = expected.iter().map(|(search, found)| (search.as_str(), *found)).collect();
    ensure_searches(&world, &format!("WORD {hindi} {nepali}"), thai, &expected).await
}
