//! Rows of noise: whatever the bytes are, there are rows or an error, and no column is longer than
//! another.

use proptest::prelude::*;

use super::*;
use crate::connectors::mysql::wire::Column;

/// Type, sign, width and digits of a column of each kind.
const KINDS: &[(u8, bool, u32, u8)] = &[
    (1, false, 4, 0),
    (1, true, 4, 0),
    (2, false, 6, 0),
    (2, true, 6, 0),
    (3, false, 11, 0),
    (3, true, 11, 0),
    (8, false, 20, 0),
    (8, true, 20, 0),
    (4, false, 12, 31),
    (5, false, 22, 31),
    (246, false, 14, 2),
    (246, false, 67, 30),
    (16, true, 1, 0),
    (16, true, 64, 0),
    (10, false, 10, 0),
    (12, false, 26, 6),
    (7, false, 19, 0),
    (11, false, 10, 3),
    (13, true, 4, 0),
    (253, false, 40, 0),
    (252, false, 40, 0),
    (255, false, 40, 0),
    (245, false, 40, 0),
];

fn column(at: usize, nullable: bool) -> Column {
    let (kind, unsigned, length, decimals) = KINDS[at];
    Column {
        name: format!("c{at}"),
        origin: (String::new(), String::new()),
        kind: kind.try_into().unwrap(),
        unsigned,
        nullable,
        is_enum: false,
        is_set: false,
        charset: if kind == 253 { 45 } else { 63 },
        length,
        decimals,
        declared: None,
        comment: None,
    }
}

/// A row that begins as one does; its values often have a length that is right.
fn row() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| [
            &[u8::try_from(bytes.len()).unwrap()],
            &bytes[..]
        ]
        .concat()),
        "-?[0-9]{0,40}\\.?[0-9]{0,31}".prop_map(|text| [
            &[u8::try_from(text.len()).unwrap()],
            text.as_bytes()
        ]
        .concat()),
    ];
    let nulls = prop_oneof![Just(vec![0_u8; 4]), prop::collection::vec(any::<u8>(), 4)];
    (nulls, prop::collection::vec(value, 0..30))
        .prop_map(|(nulls, values)| [&[0], &nulls[..], &values.concat()[..]].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn noise_is_rows_or_an_error(
        kinds in prop::collection::vec((0..KINDS.len(), any::<bool>()), 1..4),
        rows in prop::collection::vec(row(), 1..6),
        as_text in any::<bool>(),
    ) {
        let columns: Vec<_> = kinds.iter().map(|(at, nullable)| column(*at, *nullable)).collect();
        let mut policies = Policies::default();
        if as_text {
            let wanted = columns.iter().map(|c| (c.name.clone(), DataType::Utf8));
            policies.columns = wanted.collect();
        }
        let readings: Vec<_> = columns.iter().map(|c| reading(c, &policies).unwrap()).collect();
        let kept = Arc::new(Kept::default());
        let refuse = Arc::clone(&kept) as Arc<dyn Refuse>;
        let mut decoder = Decoder::new(&readings, 3, "t 0", refuse);
            decoder.check(&columns).unwrap();
            let (mut taken, mut given) = (0, 0);
            for row in &rows {
                // The bits of as many columns as there are.
                let width = (columns.len() + 9) / 8;
                let row = [&row[..=width], &row[5..]].concat();
                if decoder.push(&row).is_err() {
                    return Ok(());
                }
                taken += 1;
                if decoder.is_full() {
                    given += decoder.batch().unwrap().map_or(0, |batch| batch.num_rows());
                }
            }
            given += decoder.batch().unwrap().map_or(0, |batch| batch.num_rows());
            prop_assert_eq!(given + kept.0.lock().unwrap().len(), taken);
    }
}
